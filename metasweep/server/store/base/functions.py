"""Our own SQL functions. Regular expressions are RE2's, which no pattern makes slow."""

import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

_STEPS_OF_MATCH = 0.5  # steps of SQLite per instruction and character of a match, at worst


def register(connection: sqlite3.Connection, spend: Callable[[float], None] = lambda _steps: None) -> None:
    """Add the function `regexp` to a connection. `spend` gets the cost of each match in SQLite's steps."""

    def matches(pattern: str, text: str) -> bool:
        program = compiled(pattern)
        spend(len(text) * program.programsize * _STEPS_OF_MATCH)
        return program.search(text) is not None

    connection.create_function("regexp", 2, matches, deterministic=True)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """Return RE2's program of a pattern. Raises re2.error for an invalid one."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
