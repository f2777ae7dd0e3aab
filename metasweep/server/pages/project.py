"""The first page and the page of a project."""

import sqlite3
from typing import Any

from metasweep import page
from metasweep.server.pages import columns, find, progress
from metasweep.server.pages.rows import Rows
from metasweep.server.pages.sweep import cell
from metasweep.server.store import claims
from metasweep.server.store.metrics import best_of_sweep
from metasweep.sweeps.metric import Metric

MOST_RUNS = 2000  # of a project's table, the newest
MOST_PARAMETERS = 10

PROJECTS = """
SELECT projects.*, count(runs.id) AS runs, sum(runs.state = 'running') AS running,
    max(runs.heartbeat_at) AS active,
    (SELECT count(*) FROM sweeps WHERE project_id = projects.id) AS sweeps
FROM projects LEFT JOIN runs ON runs.project_id = projects.id
GROUP BY projects.id ORDER BY ifnull(max(runs.heartbeat_at), projects.created_at) DESC
"""


def home(connection: sqlite3.Connection) -> dict[str, Any]:
    """All the projects, the most active first."""
    projects = [
        {
            "name": row["name"],
            "entity": row["entity"],
            "url": find.address(row["entity"], row["name"]),
            "runs": row["runs"],
            "running": row["running"] or 0,
            "sweeps": row["sweeps"],
            "active": row["active"] or row["created_at"],
        }
        for row in connection.execute(PROJECTS)
    ]
    return {"title": "Projects", "projects": projects}


def project(connection: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A project: its sweeps with their progress, and its runs."""
    base = find.address(row["entity"], row["name"])
    return {
        "title": row["name"],
        "subtitle": row["description"] or "",
        "sweeps": sweeps(connection, row["id"], base),
        "study": page.encode(runs(connection, row["id"], row["name"], base)),
    }


def sweeps(connection: sqlite3.Connection, project_id: int, base: str) -> list[dict[str, Any]]:
    """The sweeps of a project, newest first."""
    points = progress.points_by_sweep(connection, "project_id = ?", project_id)
    query = "SELECT * FROM sweeps WHERE project_id = ? ORDER BY id DESC"
    return [
        {
            "name": sweep["display_name"] or sweep["name"],
            "id": sweep["name"],
            "url": f"{base}/sweeps/{sweep['name']}",
            "method": sweep["method"],
            "state": sweep["state"].lower(),
            "created": sweep["created_at"],
            "progress": vars(progress.progress(sweep, points.get(sweep["id"], progress.Points()))),
            "best": best(connection, sweep),
        }
        for sweep in connection.execute(query, (project_id,)).fetchall()
    ]


def best(connection: sqlite3.Connection, sweep: sqlite3.Row) -> str | None:
    """The best value of the sweep's metric, with its name."""
    metric = Metric.of(claims.parse_config(sweep["config"]))
    if metric is None:
        return None
    value = best_of_sweep(connection, sweep["id"], metric)
    return cell(columns.metric(metric.name, [value], metric.name, metric.extreme), value)


def common_parameters(rows: Rows) -> list[str]:
    """The parameters that most runs have, those that differ first."""
    values = {name: rows.parameter(name) for name in rows.parameter_names()}
    same = {name: len(set(map(repr, found))) == 1 for name, found in values.items()}
    missing = {name: found.count(None) for name, found in values.items()}
    return sorted(values, key=lambda name: (missing[name], same[name]))[:MOST_PARAMETERS]


def runs(connection: sqlite3.Connection, project_id: int, title: str, base: str) -> page.PageData:
    """The newest runs as a table."""
    rows = Rows.read(connection, base, "project_id = ? ORDER BY id DESC LIMIT ?", project_id, MOST_RUNS)
    names = columns.metric_names(rows.summaries, "", rows.parameter_names()) or ["_runtime"]
    metrics = [columns.metric(name, rows.metric(name), "", None) for name in names]
    parameters = [columns.parameter(name, rows.parameter(name)) for name in common_parameters(rows)]
    details = [page.Column("_created", "started (UTC)", "text", axis=False)]
    sweeps_of = [row["sweep"] for row in rows.rows]
    if any(sweeps_of):
        details.append(page.Column("_sweep", "sweep", "text", axis=False))
    return page.PageData(
        title=title,
        runs={
            **rows.basics(),
            **{column.name: rows.parameter(column.name) for column in parameters},
            **{column.name: rows.metric(column.name) for column in metrics},
            "_created": [row["created_at"].replace("T", " ").rstrip("Z") for row in rows.rows],
            "_sweep": sweeps_of,
        },
        parameters=parameters,
        metrics=metrics,
        details=details,
        color=names[0],
    )
