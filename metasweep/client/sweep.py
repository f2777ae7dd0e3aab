"""A sweep as the agent sees it: its name, its file, its configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import yaml

from metasweep.client.account import Account, local_hint, refused
from metasweep.client.protocol import Client, SweepName
from metasweep.client.transport import Refused, Transport, Unreachable
from metasweep.sweeps.config.steering import has_own_space, is_steered
from metasweep.sweeps.config.validation import METHODS
from metasweep.sweeps.metric import Metric

T = TypeVar("T")


@dataclass(frozen=True)
class Sweep:
    """A sweep on a server."""

    name: SweepName
    config: dict[str, Any]
    expected: int | None = None
    """Number of runs that the sweep needs; None if the server does not know it."""

    @property
    def metric(self) -> Metric | None:
        """The metric to optimise."""
        return Metric.of(self.config)

    def varying(self, point: dict[str, Any]) -> str:
        """Return a point in one line, without the parameters that have only one value."""
        specs = self.config.get("parameters", {})
        return " ".join(
            f"{name}={value}" for name, value in point.items() if "value" not in specs.get(name, ())
        )

    @property
    def orders(self) -> tuple[str, str]:
        """Return the orders that list the best runs first.

        The first is for a summary with the metric itself, the second for one with aggregates of it.
        """
        metric = self.metric
        if not metric:
            return "+created_at", "+created_at"
        plain = f"{'-' if metric.goal == 'maximize' else '+'}summary_metrics.{metric.name}"
        return plain, f"{plain}.{metric.extreme}"


def is_file(argument: str) -> bool:
    """Return whether the SWEEP argument is a YAML file and not the name of a sweep."""
    try:
        return argument.endswith((".yaml", ".yml")) or Path(argument).is_file()
    except OSError:  # the text is too long for a file name
        return False


def check_argument(argument: str) -> None:
    """Find mistakes in the SWEEP argument that need no server. Raises: click.UsageError."""
    if is_file(argument):
        read_file(Path(argument))
    else:
        parse_name(argument, None, "any")


def parse_name(argument: str, entity: str | None, project: str | None) -> SweepName:
    """Read [[ENTITY/]PROJECT/]ID. What is left out comes from `entity` and `project`.

    The address of the sweep's page works too, and so do quotes around either.

    Raises: click.UsageError.
    """
    argument = argument.strip().strip("'\"")
    path = urlsplit(argument).path if "://" in argument else argument
    parts = path.strip("/").split("/")
    if path != argument and len(parts) >= 4 and parts[-2] == "sweeps":
        parts = [*parts[-4:-2], parts[-1]]
    if not all(parts) or len(parts) > 3:
        raise click.UsageError(f"{argument!r} is neither ENTITY/PROJECT/ID nor a YAML file")
    *owner, identifier = parts
    entity = owner[0] if len(owner) == 2 else entity
    project = owner[-1] if owner else project
    if not project:
        raise click.UsageError(f"which project is sweep {argument!r} in? Write ENTITY/PROJECT/{identifier}")
    return SweepName(entity or "", project, identifier)


def read_file(path: Path) -> dict[str, Any]:
    """Read a sweep's YAML.

    Raises: click.UsageError, in one line, if the file is not a sweep.
    """
    try:
        config = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise click.UsageError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise click.UsageError(f"{path}{where}: not YAML: {problem}") from error
    if mistake := find_mistake(config):
        raise click.UsageError(f"{path} is not a sweep: {mistake}")
    return config


def find_mistake(config: Any) -> str | None:
    """Return why a configuration is not a sweep, or None. Only the server checks the parameters' values."""
    if not isinstance(config, dict):
        return "expected `method:`, `parameters:` and `command:` or `program:`"
    known = (*METHODS, "custom")
    if config.get("method") not in known and not is_steered(config):
        named = f"{config['method']!r} is none of" if config.get("method") else "missing; it is one of"
        return f"method: {named} {', '.join(known)}"
    parameters = config.get("parameters")
    if has_own_space(config) and parameters is None:
        parameters = {}
    elif not isinstance(parameters, dict) or not parameters:
        return "parameters: names and their values are missing"
    strange = [name for name, spec in parameters.items() if not isinstance(spec, dict)]
    if strange:
        return f"parameters.{strange[0]}: expected `value:`, `values:`, `min:` and `max:` or a distribution"
    command = config.get("command")
    if command is not None and (not isinstance(command, list) or not command):
        return "command: expected a list such as [${env}, python, -m, train, ${args}]"
    if command is not None and not names_program(command):
        return "command: it names no program; the default is [${env}, ${interpreter}, ${program}, ${args}]"
    if command is None and not config.get("program"):
        return "it has neither `command:` nor `program:`"
    return None


def names_program(command: Sequence[Any]) -> bool:
    """Return whether a command names a program, beside the interpreter and the parameters."""
    words = [str(chunk) for chunk in command if not re.fullmatch(r"\$\{args\w*\}", str(chunk))]
    return [word for word in words if word != "${env}"] not in ([], ["${interpreter}"])


def open_sweep(
    client: Client, argument: str, entity: str | None, project: str | None, patience: float = 0.0
) -> Sweep:
    """Return the sweep that the SWEEP argument names. If it is a file, create the sweep first.

    A server that does not answer is asked again for `patience` seconds, and for ten at least.

    Raises: click.UsageError, click.ClickException.
    """
    account = client.account
    entity, project = entity or account.entity, project or account.project
    config = read_file(Path(argument)) if is_file(argument) else None
    name = None if config else parse_name(argument, entity, project)

    def find() -> Sweep:
        owner = client.default_entity(patience)
        found = create(client, config, entity or owner, project) if config else name
        assert found
        return read(client, SweepName(found.entity or owner, found.project, found.id))

    return answered(client, find)


def answered(client: Transport, ask: Callable[[], T]) -> T:
    """Return a server's answer. Raises: click.ClickException, in one line, if there is none."""
    try:
        return ask()
    except Unreachable as error:
        raise click.ClickException(f"no W&B server answers at {client.account.base_url}: {error}") from error
    except Refused as error:
        raise click.ClickException(explain(error, client.account)) from error


def create(client: Client, config: dict[str, Any], entity: str, project: str | None) -> SweepName:
    """Create a sweep from its configuration and print its name and the server's warnings."""
    project = project or config.get("project")
    text = yaml.safe_dump(config, sort_keys=False)
    name, warnings = client.create_sweep(text, config.get("entity") or entity, project)
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
    return name


def read(client: Client, name: SweepName) -> Sweep:
    """Read a sweep's configuration from the server."""
    found = client.read_sweep(name)
    if found is None:
        url = client.account.base_url
        raise click.ClickException(f"there is no sweep {name} at {url}{local_hint(url)}")
    config = yaml.safe_load(found["config"] or "") or {}
    if mistake := find_mistake(config):
        raise click.ClickException(f"sweep {name} cannot be run: {mistake}")
    return Sweep(name, config, found.get("runCountExpected"))


def explain(error: Refused, account: Account) -> str:
    """Return a refusal in one line."""
    if error.status in (401, 403):
        return refused(account.base_url, account.key_from)
    if error.status == 404:
        return f"{account.base_url} is not the address of a W&B server"
    return f"{account.base_url} refused: {' '.join(str(error).split())}"
