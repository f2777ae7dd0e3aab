"""The parts of the bench, each with `measure` and what its figures mean."""
