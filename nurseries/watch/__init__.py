"""Who looks on: people at the console, scrapers and collectors. No call waits for one, or knows of any."""
