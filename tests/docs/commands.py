"""The commands that the documents show, and the command-line parsers that must take them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from analysis.__main__ import main as report
from metasweep.agent.cli import main as agent
from metasweep.cli import main as metasweep
from metasweep.cluster.cli import cli as cluster

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ENTRANCES: dict[tuple[str, ...], click.Command] = {
    ("metasweep",): metasweep,
    ("python", "-m", "metasweep"): metasweep,
    ("python", "-m", "analysis"): report,
    ("python", "-m", "metacentrum"): cluster,
    ("python", "agent.py"): agent,
}
BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
ENDS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>"}


def shown(document: Path) -> Iterator[list[str]]:
    """Every command in a document that is one of ours, as words."""
    text = document.read_text(encoding="utf-8")
    blocks = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    inline = INLINE.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in [*blocks, *inline]:
        yield from ours(line)


def ours(line: str) -> Iterator[list[str]]:
    """The commands of ours in one line of a shell, also within `$(…)`."""
    for part in re.split(r"\$\(|\)|\"\$\(", line):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:  # half a quotation: no command, or one that was cut at a bracket
            continue
        while words:
            end = next((place for place, word in enumerate(words) if word in ENDS), len(words))
            command, words = words[:end], words[end + 1 :]
            while command and re.fullmatch(r"[$%]|[A-Za-z_]\w*=.*", command[0]):
                command = command[1:]
            if entrance(command) is not None or command[:1] == ["make"]:
                yield command


def entrance(words: list[str]) -> tuple[str, ...] | None:
    """The words of a command line that name one of our programs."""
    return next((start for start in ENTRANCES if tuple(words[: len(start)]) == start), None)


def problem(words: list[str]) -> str | None:
    """What the parser would say against a command line; None if nothing."""
    start = entrance(words)
    assert start is not None
    command, rest = ENTRANCES[start], list(words[len(start) :])
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if not re.fullmatch(r"[a-z][a-z-]*", rest[0]):
            return None  # a placeholder such as COMMAND or …
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return f"{' '.join(words)}: no command {rest[0]}"
        command, rest = found, rest[1:]
    options = {name: param for param in command.params for name in (*param.opts, *param.secondary_opts)}
    left = iter(rest[: rest.index("--")] if "--" in rest else rest)
    for word in left:
        name, given, value = word.strip("[]").partition("=")
        if not name.startswith("-") or name in ("-h", "--help", "--version"):
            continue
        if name not in options:
            return f"{' '.join(words)}: no option {name}"
        if not given and not getattr(options[name], "is_flag", False):
            value = next(left, "")
        kind = options[name].type
        if value.islower() and isinstance(kind, click.Choice) and value not in kind.choices:
            return f"{' '.join(words)}: {name} does not take {value}"
    return None


def all_commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The path of every command below one that does something itself."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        if not found.hidden:
            yield from all_commands(found, (*path, name))
