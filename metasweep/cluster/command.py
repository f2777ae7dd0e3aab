"""Running a scheduler's commands: never waiting for a password, never for ever."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

import click

# How long a scheduler's command may take; an overloaded server is slow, but not that slow.
SECONDS = float(os.environ.get("METASWEEP_SCHEDULER_SECONDS", "60"))


class NoAnswer(click.ClickException):
    """A command that did not end in time: whether it did something is not known."""


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return it with its output, whatever its exit status.

    It gets no input and no terminal, so that a question for a password fails instead of hanging.
    Raises click.ClickException when it is not there or asks for a password, NoAnswer when it does not end.
    """
    try:
        return subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise click.ClickException(
            f"No {arguments[0]} here: run this on a frontend of the cluster"
        ) from error
    except subprocess.TimeoutExpired as error:
        late = f"{arguments[0]} did not answer in {SECONDS:.0f} s"
        if advice := ticket_advice():  # it asked for a password, and did nothing
            raise click.ClickException(f"{late}: {advice}") from error
        raise NoAnswer(f"{late}: is the scheduler's server overloaded? Try again later") from error


def failure(process: subprocess.CompletedProcess[str], advice: str = "") -> click.ClickException:
    """The error to raise for a command that failed: its own first line, and what to do."""
    said = next(
        iter((process.stderr + process.stdout).strip().splitlines()), f"exit status {process.returncode}"
    )
    advice = ticket_advice() or advice
    return click.ClickException(f"{said}: {advice}" if advice else said)


def ticket_advice() -> str:
    """What to do when this account uses Kerberos and its ticket has run out, else nothing."""
    if not shutil.which("klist"):
        return ""
    ticket = subprocess.run(["klist", "-s"], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    return "" if ticket.returncode == 0 else "you have no valid Kerberos ticket; run kinit, then this again"
