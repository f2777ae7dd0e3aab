"""The order of rows in SQL, and which rows come after a given one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Term:
    """A term of ORDER BY. NULL comes last in both directions."""

    expression: str
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.expression} {'DESC' if self.descending else 'ASC'} NULLS LAST"


ID = Term("id")
NEWEST = Term("id", descending=True)


def order_by(terms: Sequence[Term]) -> str:
    """Return what follows ORDER BY."""
    return ", ".join(map(str, terms))


def beyond(terms: Sequence[Term], place: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the condition on rows that come after a row, and its parameters.

    The row is given by its values of the terms.
    """
    if not terms:
        return "0", []
    term, value = terms[0], place[0]
    rest, parameters = beyond(terms[1:], place[1:])
    if value is None:
        return f"({term.expression} IS NULL AND {rest})", parameters
    later = f"{term.expression} {'<' if term.descending else '>'} ? OR {term.expression} IS NULL"
    return f"({later} OR ({term.expression} = ? AND {rest}))", [value, value, *parameters]


def parse_order(text: str, columns: Mapping[str, str]) -> list[Term]:
    """Read an order such as -createdAt or name,+created_at. `columns` maps the protocol's words to columns.

    Rows that compare equal keep a fixed order. Raises ValueError for an unknown word.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    terms = []
    for word in words:
        name = re.sub("([A-Z])", r"_\1", word.lstrip("+-")).lower()
        if name not in columns:
            raise ValueError(f"unknown key {word!r} (known: {', '.join(columns)})")
        terms.append(Term(columns[name], descending=word.startswith("-")))
    return [*terms, NEWEST if words and words[0].startswith("-") else ID]
