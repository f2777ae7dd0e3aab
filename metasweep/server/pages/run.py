"""A run as its page shows it."""

import json
import re
import sqlite3
from typing import Any

from metasweep.server.api.history import log_line
from metasweep.server.pages import find, rows
from metasweep.server.pages.columns import flatten
from metasweep.server.pages.tracks import Series, number

CHART_POINTS = 300
MOST_CHARTS = 200
CONSOLE_LINES = 500
MOST_FILES = 1000
MOST_STEPS = 40  # of one medium, the newest
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
INTERNAL = ("_timestamp", "_runtime", "_step", "_wandb")


def document(connection: sqlite3.Connection, run: sqlite3.Row, parent: sqlite3.Row) -> dict[str, Any]:
    """Everything on the page of a run."""
    base = find.address(parent["entity"], parent["name"], "runs", run["name"])
    charts, media = history(connection, run["id"], base)
    summary = {key: value for key, value in json.loads(run["summary"]).items() if key not in INTERNAL}
    return {
        "title": run["display_name"],
        "state": run["state"],
        "facts": facts(run, parent),
        "config": pairs(rows.config(run["config"])),
        "summary": pairs({key: value for key, value in summary.items() if not is_media(value)}),
        "charts": charts,
        "system": events(connection, run["id"]),
        "console": console(connection, run, base),
        "media": media,
        "files": files(connection, run["id"], base),
        "notes": run["notes"] or "",
    }


def facts(run: sqlite3.Row, parent: sqlite3.Row) -> list[list[Any]]:
    """What is known about the run itself; a value may be a link."""
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
        "tags": ", ".join(json.loads(run["tags"])),
    }
    return [[name, value] for name, value in found.items() if value not in (None, "")]


def is_media(value: Any) -> bool:
    """Whether a value describes a file or a histogram, and not itself what a person reads."""
    return isinstance(value, dict) and "_type" in value


def pairs(mapping: dict[str, Any]) -> list[list[Any]]:
    """Names and values, nested ones with dots, in the order of their names."""
    return [[name, finite(value)] for name, value in sorted(flatten(mapping).items())]


def finite(value: Any) -> Any:
    """NaN and infinities as texts: JSON has no numbers for them."""
    return str(value) if isinstance(value, float) and number(value) is None else value


def history(connection: sqlite3.Connection, run_id: int, base: str) -> tuple[list[Any], list[Any]]:
    """The charts of all the metrics and the media, out of the lines of the history."""
    series: dict[str, Series] = {}
    media: dict[str, list[dict[str, Any]]] = {}
    query = "SELECT text FROM history WHERE run_id = ? ORDER BY line"
    for (text,) in connection.execute(query, (run_id,)):
        row = json.loads(text)
        at = (number(row.get("_step")), number(row.get("_runtime")))
        for key, value in row.items():
            if number(value) is not None and key not in INTERNAL:
                series.setdefault(key, Series(CHART_POINTS)).add((*at, value))
            elif isinstance(value, dict) and (shown := medium(value, base)):
                media.setdefault(key, []).append({"step": at[0], **shown})
    charts = [chart(key, each) for key, each in sorted(series.items())[:MOST_CHARTS]]
    return charts, [{"key": key, "steps": steps[-MOST_STEPS:]} for key, steps in sorted(media.items())]


def chart(key: str, series: Series) -> dict[str, Any]:
    """One metric: steps, seconds and values."""
    points = series.sample()
    return {
        "key": key,
        "step": [point[0] for point in points],
        "time": [point[1] for point in points],
        "y": [float(f"{point[2]:.6g}") for point in points],
    }


def medium(value: dict[str, Any], base: str) -> dict[str, Any] | None:
    """A logged image, HTML or Table as a kind and the addresses of its files; None for anything else."""
    kind, path = value.get("_type"), value.get("path")
    if kind == "images/separated" and isinstance(value.get("filenames"), list):
        captions = value.get("captions") if isinstance(value.get("captions"), list) else []
        names = [name for name in value["filenames"] if isinstance(name, str)]
        return {"type": "image", "urls": [file_url(base, name) for name in names], "captions": captions}
    kinds = {
        "image-file": "image",
        "html-file": "html",
        "table-file": "table",
        "audio-file": "audio",
        "video-file": "video",
    }
    if kind not in kinds or not isinstance(path, str):
        return None
    return {"type": kinds[kind], "urls": [file_url(base, path)], "captions": [value.get("caption")]}


def file_url(base: str, name: str) -> str:
    """Where the browser gets a file of the run."""
    return base + "/files" + find.address(*name.split("/"))


def events(connection: sqlite3.Connection, run_id: int) -> list[dict[str, Any]]:
    """The charts of the system metrics."""
    series: dict[str, Series] = {}
    for (text,) in connection.execute("SELECT text FROM events WHERE run_id = ? ORDER BY line", (run_id,)):
        row = json.loads(text)
        at = number(row.get("_runtime"))
        for key, value in row.items():
            if key not in INTERNAL and number(value) is not None:
                name = key.removeprefix("system.")
                series.setdefault(name, Series(CHART_POINTS)).add((at, at, value))
    return [chart(key, each) for key, each in sorted(series.items())[:MOST_CHARTS]]


def console(connection: sqlite3.Connection, run: sqlite3.Row, base: str) -> dict[str, Any]:
    """The last lines that the run has printed."""
    query = "SELECT line, text FROM logs WHERE run_id = ? AND line >= ? ORDER BY line"
    first = max(0, run["log_lines"] - CONSOLE_LINES)
    found = [log_line(row) for row in connection.execute(query, (run["id"], first))]
    lines = [[line["number"], ANSI.sub("", line["line"]), line["level"] == "error"] for line in found]
    return {"count": run["log_lines"], "lines": lines, "url": f"{base}/log"}


def files(connection: sqlite3.Connection, run_id: int, base: str) -> list[dict[str, Any]]:
    """The uploaded files."""
    query = (
        "SELECT name, size, updated_at FROM files WHERE run_id = ? AND blob IS NOT NULL ORDER BY name LIMIT ?"
    )
    return [
        {"name": row["name"], "size": row["size"], "url": file_url(base, row["name"])}
        for row in connection.execute(query, (run_id, MOST_FILES))
    ]
