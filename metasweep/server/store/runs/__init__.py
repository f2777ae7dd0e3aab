"""Runs: their rows, their streams, and how they are found."""
