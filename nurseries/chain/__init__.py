"""Providers in a row for each port: breakers, retries, and whoever stands in, within the deadline of whoever waits."""
