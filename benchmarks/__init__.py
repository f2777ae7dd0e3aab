"""Measurements of this project and of the stock way, side by side in the same call."""
