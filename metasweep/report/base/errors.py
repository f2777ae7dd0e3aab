"""What a person can put right: printed as one line, without a traceback."""

import click


class AnalysisError(click.ClickException):
    """The message names the cause and the way out; exit code 1."""
