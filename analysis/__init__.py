"""The report on the study: `python -m analysis`."""
