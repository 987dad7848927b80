"""What a recogniser's words can mean: one file for each kind of fact, and the words themselves."""
