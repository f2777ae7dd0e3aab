"""Which points are run when not all of them are: those that are missing, those that are new."""
