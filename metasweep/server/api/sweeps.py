"""Sweeps: creating, changing and reading them."""

import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import runs, steering, viewer
from metasweep.server.api.graphql import paging
from metasweep.server.context import Context
from metasweep.server.documents import one_line, parse_object
from metasweep.server.errors import BadRequest
from metasweep.server.store import projects, sweeps
from metasweep.server.store.base import ids, rows
from metasweep.server.store.base.database import insert, now, update
from metasweep.server.store.base.order import NEWEST
from metasweep.server.store.points import claims, configs
from metasweep.server.store.runs import runs as run_rows
from metasweep.server.store.runs.metrics import best_of_sweep
from metasweep.sweeps import Grid, grid_size, is_grid, is_steered, read_config, validate, values_of
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.states import FINISHED

MOST_QUEUED = 1000  # points in one request
PriorRun = tuple[int, int | None]  # a run's number, and the grid point that it has finished


@dataclass(frozen=True)
class Wanted:
    """A sweep configuration from a client: its text, its content, its grid, and warnings about it."""

    text: str
    config: dict[str, Any]
    points: int | None
    warnings: list[str]


# Actions of a person, and the states in which each is possible. FINISHED: stop, CANCELED: cancel.
TRANSITIONS = {
    "RUNNING": ("PENDING", "PAUSED", "FINISHED", "CANCELED", "RUNNING"),
    "PAUSED": ("PENDING", "RUNNING", "PAUSED"),
    "FINISHED": ("PENDING", "RUNNING", "PAUSED", "FINISHED"),
    "CANCELED": ("PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"),
}


def parse_config(text: str) -> Wanted:
    """Read and check a sweep's configuration; BadRequest names each mistake.

    Slow for a long one: do not call it within a write.
    """
    try:
        config = read_config(text)
    except ValueError as error:
        raise BadRequest(f"the sweep's configuration is not YAML of a sweep: {error}") from error
    if not isinstance(config, dict):
        raise BadRequest("the sweep's configuration is not a mapping")
    problems = validate(config)
    if errors := [str(problem) for problem in problems if problem.severity == "error"]:
        raise BadRequest("; ".join(errors))
    points = None if is_steered(config) else grid_size(config)
    return Wanted(text, config, points, [str(problem) for problem in problems])


def create(
    connection: sqlite3.Connection,
    context: Context,
    fields: dict[str, Any],
    wanted: Wanted | None,
    prior: Sequence[PriorRun],
) -> int:
    """Create a sweep, add its prior runs to it, and return its id."""
    if wanted is None:
        raise BadRequest("config: the sweep's configuration is needed")
    config = wanted.config
    entity = fields.get("entityName") or context.settings.entity
    project, _ = projects.find_or_make(connection, entity, fields.get("projectName") or "uncategorized")
    time, key = now(), configs.new_key()
    sweep_id = insert(
        connection,
        "sweeps",
        project_id=project["id"],
        name=ids.short(),
        display_name=named(fields.get("displayName") or config.get("name")),
        description=fields.get("description") or config.get("description"),
        config_key=key,
        method=config.get("method", "custom"),
        state="PENDING",
        controller=fields.get("controller"),
        scheduler=fields.get("scheduler"),
        controller_run=ids.short() if "scheduler" in config else None,
        points=wanted.points,
        seed=secrets.randbits(62),
        created_at=time,
        updated_at=time,
    )
    configs.add(connection, key, sweep_id, wanted.text, config)
    sweep = rows.known(connection, "sweeps", sweep_id)
    for run_id, point in prior:
        if rows.get(connection, "runs", run_id) is None:  # it has been deleted meanwhile
            continue
        run_rows.join_sweep(connection, run_id, sweep)
        sweeps.note_prior_run(connection, sweep_id, run_id)
        if point is not None:
            sweeps.cover(connection, sweep_id, point)
    return sweep_id


def named(name: str | None) -> str | None:
    """Return a display name, on one line."""
    return one_line(name) if name else None


def find_prior_runs(context: Context, fields: dict[str, Any], wanted: Wanted | None) -> list[PriorRun]:
    """Return the runs that match the filter for prior runs, with the grid points that they finished."""
    if not fields.get("priorRunsFilters") or wanted is None:
        return []
    sql, parameters = runs.parse_filters(fields["priorRunsFilters"])
    entity = fields.get("entityName") or context.settings.entity
    with context.reading() as connection:
        project = projects.find(connection, entity, fields.get("projectName") or "uncategorized")
        found = run_rows.of_project(project["id"], sql, *parameters).all(connection) if project else []
    grid = Grid(wanted.config) if is_grid(wanted.config) else None

    def point_of(run: sqlite3.Row) -> int | None:
        if not grid or run["state"] != FINISHED:
            return None
        return grid.index(values_of(json.loads(run["config"])))

    return [(run["id"], point_of(run)) for run in found]


def set_state(connection: sqlite3.Connection, sweep: sqlite3.Row, wanted: str) -> None:
    """Pause, resume, stop or cancel."""
    state = wanted.upper()
    if sweep["state"] not in TRANSITIONS.get(state, ()):
        raise BadRequest(f"a sweep cannot go from {sweep['state']} to {wanted[:40]}")
    update(connection, "sweeps", sweep["id"], state=state, exhausted=0)
    if state in ("FINISHED", "CANCELED"):
        run_rows.drop_queued(connection, sweep["id"])


def change(
    connection: sqlite3.Connection, context: Context, fields: dict[str, Any], wanted: Wanted | None
) -> int:
    """Change a sweep's state, configuration or texts; return its id."""
    sweep = rows.by_id(connection, "sweeps", "Sweep", fields["id"])
    if fields.get("state"):
        set_state(connection, sweep, fields["state"])
    if wanted is not None and wanted.config != configs.config_of(connection, sweep):
        reconfigure(connection, sweep, wanted)
    columns = (("displayName", "display_name"), ("description", "description"))
    texts = {column: fields[name] for name, column in columns if fields.get(name) is not None}
    if "display_name" in texts:
        texts["display_name"] = named(texts["display_name"])
    update(connection, "sweeps", sweep["id"], updated_at=now(), **texts)
    if fields.get("controller"):
        steering.obey_controller(connection, context, sweep, fields["controller"])
    return sweep["id"]


def reconfigure(connection: sqlite3.Connection, sweep: sqlite3.Row, wanted: Wanted) -> None:
    """Replace the configuration. Once points of a grid have been handed out, the grid must stay the same."""
    config, old = wanted.config, configs.config_of(connection, sweep)
    same_points = all(config.get(key) == old.get(key) for key in ("method", "parameters"))
    if sweep["next_point"] and not same_points:
        raise BadRequest("method and parameters cannot change once the sweep has runs: create another sweep")
    key, method = configs.new_key(), config.get("method", "custom")
    update(connection, "sweeps", sweep["id"], config_key=key, method=method, points=wanted.points)
    configs.add(connection, key, sweep["id"], wanted.text, config)


def upsert_sweep(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Create or change a sweep. The slow work for a large one is done before the write."""
    wanted = parse_config(input["config"]) if input.get("config") else None
    prior = [] if input.get("id") else find_prior_runs(info.context, input, wanted)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        if input.get("id"):
            sweep_id = change(connection, info.context, input, wanted)
        else:
            sweep_id = create(connection, info.context, input, wanted, prior)
        return rows.known(connection, "sweeps", sweep_id)

    sweep = info.context.database.write(job)
    warnings = wanted.warnings if wanted else []
    return {"sweep": sweep, "config_validation_warnings": warnings, "inserted": not input.get("id")}


def delete_sweep(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a sweep with its agents. Its runs stay, without a sweep."""

    def job(connection: sqlite3.Connection) -> None:
        sweep = rows.by_id(connection, "sweeps", "Sweep", input["id"])
        sweeps.delete(connection, sweep["id"])

    info.context.database.write(job)
    return {"success": True}


def queue_seeds(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Add points to a grid: those of some of its runs, with other seeds. Agents get them next."""
    if len(input["runs"]) * len(input["seeds"]) > MOST_QUEUED:
        raise BadRequest(f"at most {MOST_QUEUED} points at once")

    def job(connection: sqlite3.Connection) -> None:
        sweep = rows.by_id(connection, "sweeps", "Sweep", input["id"])
        if sweep["points"] is None or sweep["state"] == "CANCELED":
            raise BadRequest("seeds can be added to a grid that is not canceled")
        points = claims.points_of(connection, sweep["id"], input["runs"])
        if len(points) < len(input["runs"]) or any(input["parameter"] not in point for point in points):
            raise BadRequest(f"runs of this sweep that have a {input['parameter']} are needed")
        claims.queue(
            connection,
            sweep,
            [point | {input["parameter"]: seed} for point in points for seed in input["seeds"]],
        )

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
    """The sweeps of a project, newest first. Filters are refused, as the server's features say."""
    if parse_object(filters or "{}", "filters"):
        raise BadRequest("filters: this server does not filter sweeps")
    return paging.page(info, sweeps.of_project(project["id"]), first, after, [NEWEST])


def count(table: str, column: str) -> Any:
    """Return a resolver for the number of rows in a table that belong to the source."""

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


def expected_runs(sweep: sqlite3.Row, info: GraphQLResolveInfo) -> int | None:
    """The number of runs that finish the sweep; null if there is no limit."""
    return sweeps.expected_runs(info.context.database.read(), sweep)


def config_text(sweep: sqlite3.Row, info: GraphQLResolveInfo) -> str:
    """The configuration, as the client sent it."""
    return configs.text_of(info.context.database.read(), sweep)


def best_loss(sweep: sqlite3.Row, info: GraphQLResolveInfo) -> float | None:
    """The best value of the sweep's metric."""
    read = info.context.database.read()
    metric = Metric.of(configs.config_of(read, sweep))
    return best_of_sweep(read, sweep["id"], metric) if metric else None


SWEEP = {
    "config": config_text,
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
    "Mutation": {"upsertSweep": upsert_sweep, "deleteSweep": delete_sweep, "queueSeeds": queue_seeds},
    "Project": {
        "sweep": project_sweep,
        "sweeps": project_sweeps,
        "totalSweeps": count("sweeps", "project_id"),
    },
    "Sweep": SWEEP,
}
