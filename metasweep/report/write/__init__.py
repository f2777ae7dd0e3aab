"""The report as files, as a page and as a W&B Report."""
