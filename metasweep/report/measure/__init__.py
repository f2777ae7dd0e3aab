"""Statistics over a `Study`: pure functions."""
