"""Sweeps: made, steered and read."""

import json
import secrets
import sqlite3
from typing import Any

import yaml
from graphql import GraphQLResolveInfo

from metasweep.server.api import paging, runs, viewer
from metasweep.server.context import Context
from metasweep.server.errors import BadRequest
from metasweep.server.store import claims, ids, projects, rows, sweeps
from metasweep.server.store import runs as run_rows
from metasweep.server.store.database import insert, now, update
from metasweep.server.store.metrics import best_of_sweep
from metasweep.server.store.order import NEWEST
from metasweep.server.stream.streams import parse_object
from metasweep.sweeps import grid_size, point_index, validate
from metasweep.sweeps.metric import Metric

# What a person may ask for, and from which states. FINISHED: stop, CANCELED: cancel.
TRANSITIONS = {
    "RUNNING": ("PENDING", "PAUSED", "FINISHED", "CANCELED", "RUNNING"),
    "PAUSED": ("PENDING", "RUNNING", "PAUSED"),
    "FINISHED": ("PENDING", "RUNNING", "PAUSED", "FINISHED"),
    "CANCELED": ("PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"),
}


def parse_config(text: str) -> dict[str, Any]:
    """The configuration of a sweep, checked; BadRequest names the place of each mistake."""
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRequest(f"the sweep's configuration is not YAML: {error}") from error
    if not isinstance(config, dict):
        raise BadRequest("the sweep's configuration is not a mapping")
    if errors := [str(problem) for problem in validate(config) if problem.severity == "error"]:
        raise BadRequest("; ".join(errors))
    return config


def warnings_of(text: str) -> list[str]:
    """What is odd about a configuration that passed."""
    return [str(problem) for problem in validate(yaml.safe_load(text))]


def create(connection: sqlite3.Connection, context: Context, fields: dict[str, Any]) -> int:
    """A new sweep; its id."""
    if not fields.get("config"):
        raise BadRequest("config: the sweep's configuration is needed")
    config = parse_config(fields["config"])
    entity = fields.get("entityName") or context.settings.entity
    project, _ = projects.find_or_make(connection, entity, fields.get("projectName") or "uncategorized")
    time = now()
    sweep_id = insert(
        connection,
        "sweeps",
        project_id=project["id"],
        name=ids.short(),
        display_name=fields.get("displayName") or config.get("name"),
        description=fields.get("description") or config.get("description"),
        config=fields["config"],
        method=config["method"],
        state="PENDING",
        controller=fields.get("controller"),
        scheduler=fields.get("scheduler"),
        points=grid_size(config),
        seed=secrets.randbits(62),
        created_at=time,
        updated_at=time,
    )
    if fields.get("priorRunsFilters"):
        adopt_prior_runs(connection, sweep_id, project["id"], fields["priorRunsFilters"], config)
    return sweep_id


def adopt_prior_runs(
    connection: sqlite3.Connection, sweep_id: int, project_id: int, filters: str, config: dict[str, Any]
) -> None:
    """The project's runs that pass a filter become the sweep's and cover the points that they have tried."""
    sql, parameters = runs.parse_filters(filters)
    sweep = rows.known(connection, "sweeps", sweep_id)
    for run in run_rows.of_project(project_id, sql, *parameters).all(connection):
        run_rows.join_sweep(connection, run["id"], sweep)
        sweeps.note_prior_run(connection, sweep_id, run["id"])
        logged = json.loads(run["config"])
        values = {
            key: item["value"] for key, item in logged.items() if isinstance(item, dict) and "value" in item
        }
        point = point_index(config, values) if config["method"] == "grid" else None
        if point is not None and run["state"] == "finished":
            sweeps.cover(connection, sweep_id, point)


def set_state(connection: sqlite3.Connection, sweep: sqlite3.Row, wanted: str) -> None:
    """Pause, resume, stop or cancel."""
    state = wanted.upper()
    if sweep["state"] not in TRANSITIONS.get(state, ()):
        raise BadRequest(f"a sweep cannot go from {sweep['state']} to {wanted[:40]}")
    update(connection, "sweeps", sweep["id"], state=state, exhausted=0)


def change(connection: sqlite3.Connection, fields: dict[str, Any]) -> int:
    """Change a sweep's state, configuration or texts; its id."""
    sweep = rows.by_id(connection, "sweeps", "Sweep", fields["id"])
    if fields.get("state"):
        set_state(connection, sweep, fields["state"])
    if fields.get("config") and fields["config"] != sweep["config"]:
        reconfigure(connection, sweep, fields["config"])
    columns = (("displayName", "display_name"), ("description", "description"))
    texts = {column: fields[name] for name, column in columns if fields.get(name) is not None}
    update(connection, "sweeps", sweep["id"], updated_at=now(), **texts)
    return sweep["id"]


def reconfigure(connection: sqlite3.Connection, sweep: sqlite3.Row, text: str) -> None:
    """Another configuration; once points of a grid are handed out, their set must stay."""
    config = parse_config(text)
    old = claims.parse_config(sweep["config"])
    same_points = all(config.get(key) == old.get(key) for key in ("method", "parameters"))
    if sweep["next_point"] and not same_points:
        raise BadRequest("method and parameters cannot change once the sweep has runs: create another sweep")
    points = grid_size(config)
    update(connection, "sweeps", sweep["id"], config=text, method=config["method"], points=points)


def upsert_sweep(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Create a sweep or change one."""

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        sweep_id = change(connection, input) if input.get("id") else create(connection, info.context, input)
        return rows.known(connection, "sweeps", sweep_id)

    return {
        "sweep": info.context.database.write(job),
        "config_validation_warnings": warnings_of(input["config"]) if input.get("config") else [],
        "inserted": not input.get("id"),
    }


def delete_sweep(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a sweep with its agents; its runs stay, as runs of no sweep."""

    def job(connection: sqlite3.Connection) -> None:
        sweep = rows.by_id(connection, "sweeps", "Sweep", input["id"])
        sweeps.delete(connection, sweep["id"])

    info.context.database.write(job)
    return {"success": True}


def project_sweep(project: sqlite3.Row, info: GraphQLResolveInfo, sweepName: str) -> sqlite3.Row | None:
    """One sweep by its name."""
    return sweeps.find(info.context.database.read(), project["id"], sweepName)


def project_sweeps(
    project: sqlite3.Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The sweeps of a project, newest first. Filters are refused, as the features say."""
    if parse_object(filters or "{}", "filters"):
        raise BadRequest("filters: this server does not filter sweeps")
    return paging.page(info, sweeps.of_project(project["id"]), first, after, [NEWEST])


def count(table: str, column: str) -> Any:
    """A resolver for how many rows of a table belong to the source."""

    def resolve(source: sqlite3.Row, info: GraphQLResolveInfo) -> int:
        return rows.count(info.context.database.read(), table, column, source["id"])

    return resolve


def sweep_runs(
    sweep: sqlite3.Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: str | None = None,
) -> dict[str, Any]:
    """The runs of a sweep; all of them unless a page is asked for."""
    sql, parameters = runs.parse_filters(filters)
    limit = paging.LARGEST_PAGE if first is None else first
    return runs.listing(info, run_rows.of_sweep(sweep["id"], sql, *parameters), order, limit, after)


def expected_runs(sweep: sqlite3.Row, _info: GraphQLResolveInfo) -> int | None:
    """How many runs finish the sweep: the size of its grid or its cap, whichever is less; null: no end."""
    cap = claims.parse_config(sweep["config"]).get("run_cap")
    limits = [limit for limit in (sweep["points"], cap) if limit is not None]
    return min(limits) if limits else None


def best_loss(sweep: sqlite3.Row, info: GraphQLResolveInfo) -> float | None:
    """The best value of the sweep's metric."""
    metric = Metric.of(claims.parse_config(sweep["config"]))
    return best_of_sweep(info.context.database.read(), sweep["id"], metric) if metric else None


SWEEP = {
    "runs": sweep_runs,
    "runCount": count("runs", "sweep_id"),
    "runCountExpected": expected_runs,
    "bestLoss": best_loss,
    "priorRuns": lambda sweep, info: paging.everything(
        sweeps.prior_runs(sweep["id"]).all(info.context.database.read())
    ),
    "earlyStopJobRunning": lambda _sweep, _info: False,
    "project": runs.parent("projects", "project_id"),
    "user": lambda _sweep, info: viewer.user(info),
}
RESOLVERS = {
    "Mutation": {"upsertSweep": upsert_sweep, "deleteSweep": delete_sweep},
    "Project": {
        "sweep": project_sweep,
        "sweeps": project_sweeps,
        "totalSweeps": count("sweeps", "project_id"),
    },
    "Sweep": SWEEP,
}
