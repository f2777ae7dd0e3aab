"""The lines that a run has printed, as the client sends them."""

import sqlite3
from typing import Any

from metasweep.server.store.base import ids


def log_line(row: sqlite3.Row) -> dict[str, Any]:
    """Split a line of the form LEVEL TIME text."""
    parts = row["text"].split(" ", 2)
    line = {
        "id": ids.encode("LogLine", row["line"]),
        "number": row["line"],
        "level": "info",
        "line": row["text"],
    }
    if len(parts) == 3 and parts[0] == "ERROR":
        line |= {"level": "error", "timestamp": parts[1], "line": parts[2]}
    elif len(parts) >= 2 and parts[0][:2].isdigit() and "T" in parts[0]:
        line |= {"timestamp": parts[0], "line": row["text"].partition(" ")[2]}
    return line
