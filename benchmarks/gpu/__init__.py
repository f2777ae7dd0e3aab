"""`make bench-gpu`: everything that needs a GPU, in one command of less than eight minutes."""
