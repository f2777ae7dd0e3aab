"""Artifacts and their collections: reading, creating, committing, changing."""
