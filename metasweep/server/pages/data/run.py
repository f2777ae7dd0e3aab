"""The data of a run's page."""

import json
import re
import sqlite3
from typing import Any

from metasweep.page import columns
from metasweep.server.pages import find
from metasweep.server.pages.data import definitions, logged, rows
from metasweep.server.pages.data.series import Series, number
from metasweep.server.store import views
from metasweep.server.store.base import ids
from metasweep.server.store.runs import history
from metasweep.server.stream.console import log_line

CONSOLE_LINES = 500
MOST_FILES = 1000
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
INTERNAL = logged.INTERNAL


def document(connection: sqlite3.Connection, run: sqlite3.Row, parent: sqlite3.Row) -> dict[str, Any]:
    """Everything on the page of a run."""
    project = find.address(parent["entity"], parent["name"])
    base = find.address(parent["entity"], parent["name"], "runs", run["name"])
    defined = definitions.read(run["config"])
    found = logged.read(connection, run["id"], defined, logged.file_address(base, project))
    plots = logged.plots(list(defined.plots), found.media)
    drawn = {plot.table for plot in defined.plots}
    return {
        "id": ids.encode("Run", run["id"]),
        "title": run["display_name"],
        "state": run["state"],
        "stopping": bool(run["stop_requested"]),
        "facts": facts(run, parent),
        "config": pairs(rows.config(run["config"])),
        "summary": summary(run),
        "charts": logged.charts(found.series, defined),
        "histograms": [
            {"key": key, "steps": logged.spread(steps)} for key, steps in sorted(found.histograms.items())
        ],
        "plots": plots,
        "system": events(connection, run["id"]),
        "console": console(connection, run, base),
        "media": [
            {"key": key, "steps": steps[-logged.MOST_STEPS :]}
            for key, steps in sorted(found.media.items())
            if key not in drawn
        ],
        "files": files(connection, run["id"], base),
        "artifacts": artifacts(connection, run["id"], project),
        "notes": run["notes"] or "",
        "tags": json.loads(run["tags"]),
        "history": f"{base}/history.csv",
    }


def facts(run: sqlite3.Row, parent: sqlite3.Row) -> list[list[Any]]:
    """Return facts about the run itself; a value may be a link."""
    runtime = number(json.loads(run["summary"]).get("_runtime"))
    base = find.address(parent["entity"], parent["name"])
    sweep = run["sweep"] and {"text": run["sweep"], "url": f"{base}/sweeps/{run['sweep']}"}
    found = {
        "id": run["name"],
        "started": {"time": run["created_at"]},
        "last sign of life": {"time": run["heartbeat_at"]},
        "runtime": None if runtime is None else {"seconds": runtime},
        "sweep": sweep,
        "point": None if run["point"] is None else run["point"] + 1,
        "attempt": run["attempt"] if run["attempt"] > 1 else None,
        "exit code": run["exit_code"],
        "host": run["host"],
        "program": run["program"],
        "commit": run["commit_hash"],
        "user": run["username"],
        "group": run["group_name"],
        "job type": run["job_type"],
    }
    return [[name, value] for name, value in found.items() if value not in (None, "")]


def summary(run: sqlite3.Row) -> list[list[Any]]:
    """Return the summary. Accuracies are percentages, as everywhere; media have a section of their own."""
    values = {
        key: value
        for key, value in rows.measured(json.loads(run["summary"]), None).items()
        if key.partition(".")[0] not in INTERNAL and not isinstance(value, dict)
    }
    return [
        [name, {"fraction": value} if is_accuracy(name, value) else value] for name, value in pairs(values)
    ]


def is_accuracy(name: str, value: Any) -> bool:
    """Return whether a summary value is shown as a percentage."""
    return number(value) is not None and columns.is_accuracy(name, [value])


def pairs(mapping: dict[str, Any]) -> list[list[Any]]:
    """Return names and values, nested ones with dots, sorted by name."""
    return [[name, finite(value)] for name, value in sorted(columns.flatten(mapping).items())]


def finite(value: Any) -> Any:
    """Return NaN and infinities as texts, since JSON has no numbers for them."""
    return str(value) if isinstance(value, float) and number(value) is None else value


def events(connection: sqlite3.Connection, run_id: int) -> list[dict[str, Any]]:
    """The charts of the system metrics."""
    series: dict[str, Series] = {}
    for text in history.lines(connection, "events", run_id):
        row = json.loads(text)
        at = number(row.get("_runtime"))
        for key, value in row.items():
            if key not in INTERNAL and number(value) is not None:
                name = key.removeprefix("system.")
                series.setdefault(name, Series(logged.STRETCHES)).add((at, at, None, value))
    return logged.charts(series, definitions.Definitions())


def console(connection: sqlite3.Connection, run: sqlite3.Row, base: str) -> dict[str, Any]:
    """The last lines that the run has printed."""
    first = max(0, run["log_lines"] - CONSOLE_LINES)
    found = [log_line(row) for row in views.log(connection, run["id"], first)]
    lines = [[line["number"], ANSI.sub("", line["line"]), line["level"] == "error"] for line in found]
    return {"count": run["log_lines"], "lines": lines, "url": f"{base}/log"}


def files(connection: sqlite3.Connection, run_id: int, base: str) -> list[dict[str, Any]]:
    """The uploaded files."""
    return [
        {
            "name": row["name"],
            "size": row["size"],
            "url": f"{base}/files{find.address(*row['name'].split('/'))}",
        }
        for row in views.files(connection, run_id, MOST_FILES)
    ]


def artifacts(connection: sqlite3.Connection, run_id: int, project: str) -> list[dict[str, Any]]:
    """Return the artifacts that the run created or used, with their files."""
    return [
        {
            "name": f"{row['name']}:v{row['version_index']}",
            "type": row["type"],
            "made": bool(row["made"]),
            "aliases": row["aliases"] or "",
            "size": row["size"],
            "count": row["file_count"],
            "files": [
                {
                    "name": file["name"],
                    "size": file["size"],
                    "url": f"{project}/artifacts{find.address(str(row['id']), *file['name'].split('/'))}",
                }
                for file in views.artifact_files(connection, row["id"], MOST_FILES)
            ],
        }
        for row in views.artifacts(connection, run_id)
    ]
