"""Mistakes that a person can make and mend."""

import click


class TrainError(click.ClickException):
    """What is wrong and what to do, in one line; the program ends with exit code 1."""


class TrainerGone(TrainError):
    """The process that trained this run together with others has ended: no fault of this run."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: worth another try
