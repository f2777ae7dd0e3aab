"""The keys of a runs query in SQL: columns of the table `runs`, or values in its JSON documents."""

import difflib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from metasweep.server.store.base.order import Term

TEXT = ("text",)
NUMBER = ("integer", "real")
BOOLEAN = ("true", "false")
NULL = ("null",)
Kinds = tuple[str, ...]
"""Types of values, in the words of SQLite's json_type."""

_PROJECT = "(SELECT {} FROM projects WHERE projects.id = project_id)"
_COLUMNS = {
    "name": "name",
    "display_name": "display_name",
    "state": "state",
    "sweep": "sweep",
    "group": "group_name",
    "job_type": "job_type",
    "notes": "notes",
    "description": "description",
    "username": "username",
    "host": "host",
    "program": "program",
    "commit": "commit_hash",
    "entity": _PROJECT.format("entity"),
    "project": _PROJECT.format("name"),
}
_TIMES = ("created_at", "updated_at", "heartbeat_at")
_ALIASES = {
    "id": "name",
    "displayName": "display_name",
    "sweepName": "sweep",
    "group_name": "group",
    "jobType": "job_type",
    "user": "username",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "heartbeatAt": "heartbeat_at",
}
_DOCUMENTS = {
    "config": "config",
    "summary_metrics": "summary",
    "summary": "summary",
    "summaryMetrics": "summary",
    "keys_info.keys": "history_keys",
}


Condition = tuple[str, list[Any]]
"""An SQL condition, which is 0 or 1 and never NULL, and its parameters."""
NEVER: Condition = ("0", [])


class Field(ABC):
    """A key in SQL."""

    is_time = False

    @abstractmethod
    def exists(self) -> Condition:
        """Return the condition that there is a value; it may be null."""

    @abstractmethod
    def some(self, kinds: Kinds, condition: str, *parameters: Any) -> Condition:
        """Return the condition that the value has one of these types and meets `condition`; {} is the value.

        An array meets it if one element does.
        """

    @abstractmethod
    def is_document(self, document: str) -> Condition:
        """Return the condition that the value equals this array or mapping, given as JSON."""

    @abstractmethod
    def order(self, descending: bool) -> list[Term]:
        """Return terms that order runs: numbers, then texts, then other values, then missing ones."""


class Column(Field):
    """A column with texts."""

    def __init__(self, expression: str, is_time: bool = False):
        self.is_time = is_time
        self._expression = expression
        self._compared = f"rtrim({expression}, 'Z')" if is_time else expression

    def exists(self) -> Condition:
        """That the column is not NULL."""
        return f"{self._expression} IS NOT NULL", []

    def some(self, kinds: Kinds, condition: str, *parameters: Any) -> Condition:
        """The condition on the text. Times are compared without their Z."""
        if kinds != TEXT:
            return NEVER
        return f"({self.exists()[0]} AND {condition.format(self._compared)})", list(parameters)

    def is_document(self, document: str) -> Condition:  # noqa: ARG002
        """Never true: the value is a text."""
        return NEVER

    def order(self, descending: bool) -> list[Term]:
        """The plain column, so that an index can be used."""
        return [Term(self._expression, descending)]


class JsonValue(Field):
    """A value in a JSON column, at the first existing one of several paths."""

    def __init__(self, column: str, paths: Sequence[str]):
        self._column = column
        *others, last = [_quoted(path) for path in paths]
        found = "".join(f" WHEN json_type({column}, {path}) IS NOT NULL THEN {path}" for path in others)
        self._path = f"CASE{found} ELSE {last} END" if others else last
        self._kind = f"json_type({column}, {self._path})"

    def exists(self) -> Condition:
        """That a path leads to a value."""
        return f"{self._kind} IS NOT NULL", []

    def some(self, kinds: Kinds, condition: str, *parameters: Any) -> Condition:
        """The condition on the value or on an element. The members of a mapping are not elements."""
        sql = (
            f"EXISTS (SELECT 1 FROM json_each({self._column}, {self._path}) AS item"
            f" WHERE {self._kind} <> 'object' AND item.type IN ({', '.join(map(_quoted, kinds))})"
            f" AND {condition.format('item.atom')})"
        )
        return sql, list(parameters)

    def is_document(self, document: str) -> Condition:
        """The condition on its JSON without spaces."""
        value = f"json_extract({self._column}, {self._path})"
        return f"(ifnull({self._kind}, '') IN ('array', 'object') AND {value} = json(?))", [document]

    def order(self, descending: bool) -> list[Term]:
        """By type first, then by value."""
        ranks = "WHEN 'integer' THEN 0 WHEN 'real' THEN 0 WHEN 'text' THEN 1 WHEN 'null' THEN 3 ELSE 2"
        value = f"json_extract({self._column}, {self._path})"
        return [Term(f"CASE ifnull({self._kind}, 'null') {ranks} END"), Term(value, descending)]


def run_field(key: str) -> Field:
    """Return the field of a filter's or an order's key. Raises ValueError for an unknown key."""
    key = _ALIASES.get(key, key)
    if key in _COLUMNS:
        return Column(_COLUMNS[key])
    if key in _TIMES:
        return Column(key, is_time=True)
    if key == "tags":
        return JsonValue("tags", ["$"])
    for prefix, column in _DOCUMENTS.items():
        name = key.removeprefix(f"{prefix}.")
        if name and name != key:
            return JsonValue(column, _paths(name, in_config=column == "config"))
    raise ValueError(f"unknown key {key!r}{_hint(key)}")


def _hint(key: str) -> str:
    known = [*_COLUMNS, *_TIMES, "tags", *_ALIASES]
    close = [*difflib.get_close_matches(key, known, n=1), f"config.{key}", f"summary_metrics.{key}"]
    return f" (did you mean {' or '.join(close)}?)"


def _paths(name: str, in_config: bool) -> list[str]:
    """Return where a name with dots may be: a dot is part of a key, or leads into a mapping."""
    parts = name.split(".")
    ways = [(name,), tuple(parts)]
    if in_config:  # {"lr": {"value": 0.1}}; the name may include `value` or not
        ways = [(name, "value"), (parts[0], "value", *parts[1:])]
        if parts[-1] == "value" and len(parts) > 1:
            ways = [(".".join(parts[:-1]), "value"), *ways]
        if parts[1:2] == ["value"]:
            ways = [(parts[0], *parts[1:]), *ways]
    return list(dict.fromkeys(path for way in ways for path in (_path(way, str), _path(way, _escaped))))


def _path(keys: Sequence[str], spelling: Callable[[str], str]) -> str:
    if any(character == '"' or not character.isprintable() for key in keys for character in key):
        raise ValueError(f"the key {'.'.join(keys)!r} has characters that a filter cannot have")
    return "$" + "".join(f'."{spelling(key)}"' for key in keys)


def _escaped(key: str) -> str:
    """Return JSON's ASCII form, since older versions of SQLite compare that."""
    return json.dumps(key)[1:-1]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
