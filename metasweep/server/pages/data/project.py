"""The data of the home page and of a project's page."""

import sqlite3
from dataclasses import replace
from typing import Any

from metasweep import page
from metasweep.page import columns
from metasweep.server.pages import find
from metasweep.server.pages.data import progress
from metasweep.server.pages.data.rows import Rows
from metasweep.server.pages.data.sweep import cell
from metasweep.server.store import sweeps as all_sweeps
from metasweep.server.store import views
from metasweep.server.store.points.configs import config_of
from metasweep.server.store.runs.metrics import best_of_sweep
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.seeds import seed_of

MOST_RUNS = 20_000  # the newest ones in a table; the page says if there are more
SHOWN_PARAMETERS = 10  # in the table, until the reader chooses


def home(connection: sqlite3.Connection) -> dict[str, Any]:
    """All projects, the most active first."""
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
        for row in views.projects(connection)
    ]
    return {"title": "Projects", "projects": projects}


def project(connection: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A project: its sweeps with their progress, and its runs."""
    base = find.address(row["entity"], row["name"])
    return {
        "title": row["name"],
        "subtitle": row["description"] or "",
        "total": views.count_runs(connection, "project", row["id"]),
        "sweeps": sweeps(connection, row["id"], base),
        "logged": views.logged_metrics(connection, "project", row["id"]),
        "study": page.encode(runs(connection, row["id"], row["name"], base)),
    }


def sweeps(connection: sqlite3.Connection, project_id: int, base: str) -> list[dict[str, Any]]:
    """The sweeps of a project, newest first."""
    points = progress.points_by_sweep(connection, "project", project_id)
    return [
        {
            "name": sweep["display_name"] or sweep["name"],
            "id": sweep["name"],
            "url": f"{base}/sweeps/{sweep['name']}",
            "method": sweep["method"],
            "state": sweep["state"].lower(),
            "created": sweep["created_at"],
            "progress": vars(
                progress.progress(connection, sweep, points.get(sweep["id"], progress.PointCounts()))
            ),
            "best": best(connection, sweep),
        }
        for sweep in reversed(all_sweeps.of_project(project_id).all(connection))
    ]


def best(connection: sqlite3.Connection, sweep: sqlite3.Row) -> str | None:
    """The best value of the sweep's metric, as text; None when there is none."""
    metric = Metric.of(config_of(connection, sweep))
    if metric is None:
        return None
    value = best_of_sweep(connection, sweep["id"], metric)
    return cell(columns.metric(metric.name, [value], metric.name, metric.extreme), value)


def parameters(rows: Rows) -> list[page.Column]:
    """Return all parameters as columns: those that most runs have and that differ come first.

    Some are shown.
    """
    values = {name: rows.parameter(name) for name in rows.parameter_names()}
    same = {name: len(set(map(repr, found))) == 1 for name, found in values.items()}
    missing = {name: found.count(None) for name, found in values.items()}
    seed = seed_of(list(values), ())
    order = sorted(values, key=lambda name: (missing[name], same[name]))
    return [
        replace(columns.parameter(name, values[name]), shown=place < SHOWN_PARAMETERS, seed=name == seed)
        for place, name in enumerate(order)
    ]


def metrics(rows: Rows) -> list[page.Column]:
    """Return all metrics as columns, the most informative first.

    Some are shown; without any, the runtime is.
    """
    names = columns.metric_names(rows.summaries, "", rows.parameter_names()) or ["_runtime"]
    return [
        columns.metric(name, rows.metric(name), "", None, shown=place < columns.SHOWN_METRICS)
        for place, name in enumerate(names)
    ]


def runs(connection: sqlite3.Connection, project_id: int, title: str, base: str) -> page.PageData:
    """The runs as a table."""
    rows = Rows.read(connection, base, "project", project_id, MOST_RUNS)
    chosen, measured = parameters(rows), metrics(rows)
    details = [page.Column("_created", "started (UTC)", "text", axis=False)]
    sweeps_of = [row["sweep"] for row in rows.rows]
    if any(sweeps_of):
        details.append(page.Column("_sweep", "sweep", "text", axis=False))
    if measured[0].name != "_runtime":
        details.append(page.Column("_runtime", "runtime (s)", goal="min", axis=False, shown=False))
    return page.PageData(
        title=title,
        runs={
            **rows.basics(),
            **{column.name: rows.parameter(column.name) for column in chosen},
            **{column.name: rows.metric(column.name) for column in measured},
            "_runtime": rows.runtimes(),
            "_created": [row["created_at"].replace("T", " ").rstrip("Z") for row in rows.rows],
            "_sweep": sweeps_of,
        },
        parameters=chosen,
        metrics=measured,
        details=[*details, *texts(rows)],
        color=measured[0].name,
    )


def texts(rows: Rows) -> list[page.Column]:
    """Return columns for texts of people, shown if somebody wrote one."""
    basics = rows.basics()
    return [
        page.Column(name, name, "text", axis=False, shown=any(basics[name])) for name in ("tags", "notes")
    ]
