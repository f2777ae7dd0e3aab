"""A module that is not there."""
