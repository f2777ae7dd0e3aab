"""Artifacts and their collections: read, made, committed, changed."""
