"""Mistakes that a person can make and mend."""

import click


class TrainError(click.ClickException):
    """What is wrong and what to do, in one line; the program ends with exit code 1."""
