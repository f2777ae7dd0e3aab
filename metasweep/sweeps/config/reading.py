"""Reads sweep configs from YAML that anybody may have written. Its size is checked before it is expanded."""

import json
from typing import Any

import yaml

MOST_CHARACTERS = 8_000_000
MOST_NODES = 1_000_000  # a grid that lists 100,000 values has a tenth of that
DEEPEST = 100
LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader if libyaml is installed


def read_config(text: str) -> Any:
    """Return the config in a YAML text, made of JSON types. Dates and similar values become texts.

    Raises ValueError: it is not YAML, or expands to more than a sweep can need. An alias repeats everything
    under its anchor, so a few lines of aliases can expand beyond any memory.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it is over {MOST_CHARACTERS} characters long")
    try:
        measure(text)
        return json.loads(json.dumps(yaml.load(text, LOADER), default=str))
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def measure(text: str) -> None:
    """Raise ValueError if a YAML document would expand to too many nodes or too deeply.

    It is not expanded.
    """
    sizes: dict[str, int] = {}  # the expanded size of each complete anchor
    # the open collections around this place, and the number of nodes before each
    opened: list[tuple[str | None, int]] = []
    count = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            sizes |= {anchor: count - before} if anchor else {}
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, count))
            count += size_of(event, sizes)
        if count > MOST_NODES or len(opened) > DEEPEST:
            raise ValueError(f"over {MOST_NODES} values, or more than {DEEPEST} of them within each other")


def size_of(event: yaml.NodeEvent, sizes: dict[str, int]) -> int:
    """Return the expanded size of a node, given the sizes of the complete anchors."""
    if isinstance(event, yaml.ScalarEvent) and event.anchor:
        sizes[event.anchor] = 1
    if not isinstance(event, yaml.AliasEvent):
        return 1
    if event.anchor not in sizes:
        raise ValueError(f"the alias *{event.anchor} stands for nothing, or for what it is part of")
    return sizes[event.anchor]
