"""A table before it is written in some format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Listing:
    """A table: cells are for people, records are for programs."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    records: Sequence[Mapping[str, Any]]
    bold: frozenset[int] = frozenset()  # indices of rows
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # more entries for JSON


def with_parameters(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of parameters and our own columns.

    A parameter with the name of one becomes `config:NAME`.
    """
    return {**{f"config:{name}" if name in own else name: item for name, item in values.items()}, **own}
