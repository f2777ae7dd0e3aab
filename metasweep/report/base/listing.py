"""A table to show, before it takes a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Listing:
    """A table to show: cells are what a person reads, records what a program reads."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    records: Sequence[Mapping[str, Any]]
    bold: frozenset[int] = frozenset()  # indices of rows
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # beside the records, for JSON


def with_parameters(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A record of parameters and our own columns; a parameter with the name of one is `config:NAME`."""
    return {**{f"config:{name}" if name in own else name: item for name, item in values.items()}, **own}
