"""Errors that a person can correct. They are printed in one line, without a traceback."""

import click


class AnalysisError(click.ClickException):
    """The message names the cause and what to do; the exit code is 1."""
