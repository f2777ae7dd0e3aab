"""A cluster as data: the queues, scratch, tickets and limits that a site's YAML file describes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
import yaml

from metasweep.batch import walltime


@dataclass(frozen=True)
class Queue:
    """A queue that the batch system may choose, or that `--queue` names."""

    name: str
    walltime: int | None
    """The longest, in seconds; None: there is no limit."""
    gpus: bool | None = False
    """Whether its jobs have GPUs; None: some have."""
    named: bool = False
    """Whether a job gets there only by the queue's name."""


@dataclass(frozen=True)
class Scratch:
    """A resource that every job asks for: a local disk of its own, named by $SCRATCHDIR."""

    kinds: tuple[str, ...]
    """`local` is requested as `scratch_local=10gb`, `shm` (in memory) as `scratch_shm=true`."""
    size: str = "10gb"


@dataclass(frozen=True)
class Ticket:
    """A ticket that the batch system's commands need, such as Kerberos's."""

    check: tuple[str, ...]
    """A command that fails if there is no valid ticket."""
    renew: str
    """The command with which a person gets one."""


@dataclass(frozen=True)
class Site:
    """A cluster. Without a file, only what the batch system itself says is known."""

    name: str = "this cluster"
    scheduler: str | None = None
    kill_delay: int = 10
    """Seconds from SIGTERM to SIGKILL."""
    queues: tuple[Queue, ...] = ()
    """Where the batch system does not say itself what it has."""
    scratch: Scratch | None = None
    ticket: Ticket | None = None
    modules: str = ""
    image: str = ""
    images: str = ""
    """Where container images are, for messages."""
    mail_domain: str = ""
    """Added to a --mail without a host."""


def read(path: Path) -> Site:
    """Read a site's file. Raises click.UsageError, in one line, if it does not describe a site."""
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        return build(content)
    except OSError as error:
        raise click.UsageError(f"cannot read the site {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise click.UsageError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise click.UsageError(f"{path} does not describe a site: {error}") from error


def build(content: Any) -> Site:
    """Return the site that a file's content describes. Raises ValueError, TypeError, KeyError."""
    if not isinstance(content, dict):
        raise ValueError("expected `name:`, `scheduler:`, `queues:` and so on")
    known = {one.name for one in fields(Site)}
    if unknown := sorted(set(content) - known):
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(known))}")
    queues = tuple(
        Queue(str(one["name"]), walltime.parse(str(one["walltime"])), bool(one.get("gpus")))
        for one in content.pop("queues", ())
    )
    scratch, ticket = content.pop("scratch", None), content.pop("ticket", None)
    return Site(
        **content,
        queues=queues,
        scratch=Scratch(tuple(scratch["kinds"]), str(scratch.get("size", "10gb"))) if scratch else None,
        ticket=Ticket(tuple(str(ticket["check"]).split()), str(ticket["renew"])) if ticket else None,
    )
