"""What a call does with its turns: who has the floor, what is understood, said and remembered."""
