"""Runs a scheduler's commands: they never wait for a password, and not without end."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from metasweep.cluster.site import Ticket

CREDENTIALS = re.compile(r"credential|kerberos|gss|ticket|password|authenti", re.IGNORECASE)
"""In the output of a command that was refused because of the user's credentials."""


class NoAnswer(click.ClickException):
    """A command did not end in time. Whether it did something is not known."""


class NotHere(click.ClickException):
    """A command that this machine does not have."""


def time_limit() -> float:
    """Return the seconds that a scheduler's command may take. Under load, one needs less than a minute."""
    return float(os.environ.get("METASWEEP_SCHEDULER_SECONDS", "60"))


def run(arguments: Sequence[str], ticket: Ticket | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command and return it with its output, whatever its exit status.

    It gets no input and no terminal, so that a question for a password fails instead of hanging. Raises
    click.ClickException if the command is missing or asks for a password, NoAnswer if it does not end.
    """
    try:
        return subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=time_limit(),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise NotHere(f"No {arguments[0]} here: run this on a frontend of the cluster") from error
    except subprocess.TimeoutExpired as error:
        late = f"{arguments[0]} did not answer in {time_limit():.0f} s"
        if advice := ticket_advice(ticket):  # it asked for a password, and did nothing
            raise click.ClickException(f"{late}: {advice}") from error
        hint = "" if ticket else ", or does it wait for a password (kinit)"
        raise NoAnswer(f"{late}: is the scheduler's server overloaded{hint}? Try again later") from error


def failure(
    process: subprocess.CompletedProcess[str], advice: str = "", ticket: Ticket | None = None
) -> click.ClickException:
    """Return the error for a failed command: the line that says why, and what to do."""
    name = Path(process.args[0]).name
    said = decisive_line(name, process.stderr + process.stdout) or f"{name}: exit status {process.returncode}"
    if CREDENTIALS.search(process.stderr):
        advice = ticket_advice(ticket) or advice
    return click.ClickException(f"{said}: {advice}" if advice else said)


def decisive_line(name: str, output: str) -> str:
    """Return the line that says why a command failed: a fatal one, or one with its name, or the first.

    PBS's commands begin with a bare "Connection refused" and name the server in the next line. Slurm's begin
    with what they tried, and say at the end what was fatal.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for start in (f"{name}: fatal", f"{name}: "):
        if found := next((line for line in lines if line.startswith(start)), ""):
            return found
    return lines[0] if lines else ""


def ticket_advice(ticket: Ticket | None) -> str:
    """Return what to do if the site needs a ticket and this account has none; empty otherwise."""
    if not ticket:
        return ""
    try:
        checked = subprocess.run(
            ticket.check, stdin=subprocess.DEVNULL, capture_output=True, timeout=time_limit()
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return "" if checked.returncode == 0 else f"you have no valid ticket; run {ticket.renew}, then try again"
