"""Errors that a person can correct."""

import click


class TrainError(click.ClickException):
    """What is wrong and what to do, in one line. The program ends with exit code 1."""
