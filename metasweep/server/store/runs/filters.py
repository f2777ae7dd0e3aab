"""The filters and orders of a runs query, as conditions and terms of SQL on the table `runs`.

Filters are MongoDB's query language as far as wandb documents it, with MongoDB's meaning. A missing value
equals null and nothing else. Values of different types are never equal or ordered. An array matches if one of
its elements does. Regular expressions are RE2's, which no pattern makes slow.
"""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from math import copysign, inf, isfinite
from typing import Any

import re2  # type: ignore[import-untyped]

from metasweep.server.store.base import functions
from metasweep.server.store.base.order import Term
from metasweep.server.store.runs.run_fields import (
    BOOLEAN,
    NEVER,
    NULL,
    NUMBER,
    TEXT,
    Condition,
    Field,
    run_field,
)

_DEEPEST = 50
_MOST_NESTED = 500  # SQLite limits the depth of JSON
_MOST_PARAMETERS = 30_000
_LARGEST_PATTERN = 2_000  # instructions of RE2
_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


def compile_filter(filters: Mapping[str, Any]) -> Condition:
    """Return the condition on a row of `runs`, with its parameters.

    Raises ValueError for an invalid filter.
    """
    sql, parameters = _document(filters, 0)
    if len(parameters) > _MOST_PARAMETERS:
        raise ValueError(f"more than {_MOST_PARAMETERS} values: use $in with a list")
    return sql, parameters


def compile_order(order: str) -> list[Term]:
    """Return the terms of ORDER BY for an order such as "+created_at" or "-summary_metrics.loss,config.lr".

    A - means descending. Runs that compare equal keep a fixed order. Raises ValueError for an unknown key.
    """
    keys = [part.strip() for part in order.split(",") if part.strip()] or ["created_at"]
    terms = [term for key in keys for term in run_field(key.lstrip("+-")).order(key.startswith("-"))]
    return [*terms, Term("id", keys[0].startswith("-"))]


def _document(filters: Any, depth: int) -> Condition:
    """A mapping of keys and logical operators, which must all hold. Null, a disabled filter, always holds."""
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} levels deep")
    if filters is None:
        return "1", []
    if not isinstance(filters, Mapping):
        raise ValueError(f"a filter is a mapping such as {{'state': 'finished'}}, not {filters!r}")
    return _join("AND", [_clause(key, operand, depth) for key, operand in filters.items()])


def _clause(key: str, operand: Any, depth: int) -> Condition:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(operand, list):
            raise ValueError(f"{key} needs a list of filters, not {operand!r}")
        joined = _join("AND" if key == "$and" else "OR", [_document(part, depth + 1) for part in operand])
        return _not(joined) if key == "$nor" else joined
    if key == "$not":
        return _not(_document(operand, depth + 1))
    if key.startswith("$"):
        raise ValueError(f"unknown operator {key}: $and, $or, $nor and $not take filters")
    return _predicate(run_field(key), operand, depth)


def _predicate(field: Field, operand: Any, depth: int) -> Condition:
    """A value that a field must equal, or a mapping of operators that must all hold."""
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} levels deep")
    if not isinstance(operand, Mapping) or not any(str(key).startswith("$") for key in operand):
        return _equals(field, operand)
    options = operand.get("$options", "")
    conditions = []
    for operator, value in operand.items():
        if operator == "$not":
            conditions.append(_not(_predicate(field, value, depth + 1)))
        elif operator == "$regex":
            conditions.append(_regex(field, value, options))
        elif operator in _COMPARISONS:
            conditions.append(_compares(field, operator, value))
        elif operator in _OPERATORS:
            conditions.append(_OPERATORS[operator](field, value))
        elif operator != "$options":
            known = ", ".join([*_OPERATORS, *_COMPARISONS, "$not", "$regex"])
            raise ValueError(f"unknown operator {operator}; known: {known}")
    return _join("AND", conditions)


def _equals(field: Field, value: Any) -> Condition:
    if value is None:
        return _join("OR", [_not(field.exists()), field.some(NULL, "1")])
    if isinstance(value, (list, Mapping)):
        return _is_document(field, value)
    return field.some(_kinds(value), "{} = ?", _parameter(field, value))


def _is_document(field: Field, value: Any) -> Condition:
    try:
        document = json.dumps(value, allow_nan=False)
    except ValueError:  # a number that JSON does not have, so no run has it
        return NEVER
    if document.count("[") + document.count("{") > _MOST_NESTED:
        raise ValueError(f"a value with more than {_MOST_NESTED} lists and mappings in it")
    return field.is_document(document)


def _compares(field: Field, operator: str, value: Any) -> Condition:
    if value is None:
        return _equals(field, None) if operator in ("$gte", "$lte") else NEVER
    if isinstance(value, (list, Mapping)):
        raise ValueError(f"{operator} compares with a number, a text or a boolean, not {value!r}")
    return field.some(_kinds(value), f"{{}} {_COMPARISONS[operator]} ?", _parameter(field, value))


def _in(field: Field, values: Any) -> Condition:
    """One condition for all values of a type, so that a list may be long."""
    if not isinstance(values, list):
        raise ValueError(f"$in and $nin need a list, not {values!r}")
    plain: dict[tuple[str, ...], list[Any]] = {}
    conditions = []
    for value in values:
        if value is None or isinstance(value, (list, Mapping)):
            conditions.append(_equals(field, value))
        else:
            plain.setdefault(_kinds(value), []).append(_parameter(field, value))
    for kinds, group in plain.items():
        group = [value for value in group if isinstance(value, str) or isfinite(value)]
        conditions.append(field.some(kinds, "{} IN (SELECT value FROM json_each(?))", json.dumps(group)))
    return _join("OR", conditions)


def _exists(field: Field, wanted: Any) -> Condition:
    return field.exists() if wanted else _not(field.exists())


def _regex(field: Field, pattern: Any, options: Any) -> Condition:
    if not isinstance(pattern, str) or not isinstance(options, str) or set(options) - set("ims"):
        raise ValueError(
            f"$regex needs a text, and $options some of i, m and s, not {pattern!r}, {options!r}"
        )
    pattern = f"(?{options}){pattern}" if options else pattern
    try:
        size = functions.compiled(_utf8(pattern)).programsize
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"$regex {pattern!r}: {reason}") from error
    if size > _LARGEST_PATTERN:
        raise ValueError(f"$regex {pattern[:80]!r} stands for too long a pattern")
    return field.some(TEXT, "{} REGEXP ?", pattern)


_OPERATORS: Mapping[str, Callable[[Field, Any], Condition]] = {
    "$eq": _equals,
    "$ne": lambda field, value: _not(_equals(field, value)),
    "$in": _in,
    "$nin": lambda field, values: _not(_in(field, values)),
    "$exists": _exists,
}


def _kinds(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return BOOLEAN
    return TEXT if isinstance(value, str) else NUMBER


def _parameter(field: Field, value: Any) -> Any:
    """Return the value in SQLite's form. A time is converted to UTC, without its Z."""
    if isinstance(value, int) and abs(value) >= 2**63:
        return float(value) if abs(value) < 2**1000 else copysign(inf, value)
    if not isinstance(value, str):
        return value
    return _utc(value) if field.is_time else _utf8(value)


def _utc(text: str) -> str:
    try:
        time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ValueError(f"a time is written like 2026-01-31T12:00:00Z, not {text!r}") from error
    if time.tzinfo is not None:
        time = time.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return time.isoformat()


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} is not valid Unicode") from error
    return text


def _not(condition: Condition) -> Condition:
    return f"NOT ({condition[0]})", condition[1]


def _join(operator: str, conditions: Sequence[Condition]) -> Condition:
    """Join conditions with AND or OR, as a balanced tree, since SQLite limits the depth."""
    if not conditions:
        return ("1" if operator == "AND" else "0"), []
    if len(conditions) == 1:
        return conditions[0]
    half = len(conditions) // 2
    left, right = _join(operator, conditions[:half]), _join(operator, conditions[half:])
    return f"({left[0]} {operator} {right[0]})", left[1] + right[1]
