"""The study on its cluster: `python -m metacentrum`."""
