"""Runs: their rows, their streams, and the queries that find them."""
