"""Sweep configs out of YAML that anybody may have written: what it unfolds to is bounded before it does."""

import json
from typing import Any

import yaml

MOST_CHARACTERS = 8_000_000
MOST_NODES = 1_000_000  # a grid that lists 100,000 values has a tenth of that
DEEPEST = 100
LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where libyaml is there


def read_config(text: str) -> Any:
    """What a config in YAML says, made of what JSON has; dates and the like become texts.

    Raises ValueError: it is not YAML, or unfolds to more than a sweep can need. An alias stands for all of
    its anchor, so that a few lines of them can stand for more than any memory holds.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it is over {MOST_CHARACTERS} characters long")
    try:
        measure(text)
        return json.loads(json.dumps(yaml.load(text, LOADER), default=str))
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def measure(text: str) -> None:
    """Raise ValueError when a YAML document unfolds to too many nodes, or too deep; without unfolding it."""
    sizes: dict[str, int] = {}  # of what each anchor stands for, as soon as it is complete
    opened: list[tuple[str | None, int]] = []  # the collections around this place, with the nodes before them
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
    """The nodes that a node stands for by itself, given those of the anchors that are complete."""
    if isinstance(event, yaml.ScalarEvent) and event.anchor:
        sizes[event.anchor] = 1
    if not isinstance(event, yaml.AliasEvent):
        return 1
    if event.anchor not in sizes:
        raise ValueError(f"the alias *{event.anchor} stands for nothing, or for what it is part of")
    return sizes[event.anchor]
