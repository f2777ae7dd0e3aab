"""Side-by-side measurements: this project's way and the stock way, in the same call."""
