"""Programs that the bench runs and times."""
