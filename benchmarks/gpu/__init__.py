"""`make bench-gpu`: everything that takes a card, in one command of less than eight minutes."""
