"""Sweep configs: read and checked."""
