"""Copying a sweep with all its runs from one W&B server to another: `metasweep push` and `metasweep pull`."""
