"""A cluster as data: the queues, scratch, tickets and limits that a site's YAML file describes."""

from __future__ import annotations

from collections.abc import Sequence
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
        return build(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise click.UsageError(f"cannot read the site {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise click.UsageError(f"{path} is not YAML: {said}") from error
    except ValueError as error:
        raise click.UsageError(f"{path} does not describe a site: {error}") from error


def build(content: Any) -> Site:
    """Return the site that a file's content describes. Raises ValueError if it describes none."""
    values = entries(content, "a site", allowed=[one.name for one in fields(Site)])
    delay = values.get("kill_delay", 0)
    if isinstance(delay, bool) or not isinstance(delay, int) or delay < 0:
        raise ValueError(f"`kill_delay:` is a number of seconds, not {delay!r}")
    queues, scratch, ticket = (values.pop(name, None) for name in ("queues", "scratch", "ticket"))
    for name, value in values.items():
        if name != "kill_delay" and not isinstance(value, str):
            raise ValueError(f"`{name}:` is a text, not {value!r}")
    if not isinstance(queues or [], list):
        raise ValueError(
            f"`queues:` is a list with a line `- {{name: …, walltime: …}}` for each, not {queues!r}"
        )
    return Site(
        **values,
        queues=tuple(queue(one) for one in queues or []),
        scratch=scratch_of(scratch) if scratch else None,
        ticket=ticket_of(ticket) if ticket else None,
    )


def queue(content: Any) -> Queue:
    """Return one queue of a file."""
    values = entries(content, "a queue", ("name", "walltime"), ("gpus",))
    longest, gpus = values["walltime"], values.get("gpus", False)
    if not isinstance(gpus, bool):
        raise ValueError(f"`gpus:` of a queue is true or false, not {gpus!r}")
    if not isinstance(longest, str):  # YAML makes a number of 24:00:00, and the same of 4:00 as of 0:04:00
        raise ValueError('`walltime:` wants quotation marks, as in "24:00:00"')
    return Queue(str(values["name"]), walltime.parse(longest), gpus)


def scratch_of(content: Any) -> Scratch:
    """Return the scratch of a file."""
    values = entries(content, "`scratch:`", ("kinds",), ("size",))
    if not isinstance(values["kinds"], list):
        raise ValueError(f"`kinds:` is a list such as [local, ssd], not {values['kinds']!r}")
    return Scratch(tuple(str(kind) for kind in values["kinds"]), str(values.get("size", Scratch.size)))


def ticket_of(content: Any) -> Ticket:
    """Return the ticket of a file: two command lines."""
    values = entries(content, "`ticket:`", ("check", "renew"))
    return Ticket(tuple(str(values["check"]).split()), str(values["renew"]))


def entries(
    content: Any, what: str, needed: Sequence[str] = (), allowed: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a mapping that has all needed names, and no others than these and the allowed ones.

    Names without a value are left out. Raises ValueError.
    """
    known = [*needed, *allowed]
    if not isinstance(content, dict):
        raise ValueError(f"{what} has lines such as `{known[0]}: …`")
    if unknown := [name for name in content if name not in known]:
        raise ValueError(f"{what} has {', '.join(known)}, and no {unknown[0]!r}")
    values = {name: value for name, value in content.items() if value is not None}
    if missing := [name for name in needed if name not in values]:
        raise ValueError(f"{what} needs `{missing[0]}:`")
    return values
