"""Reading runs."""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import viewer
from metasweep.server.api.graphql import paging
from metasweep.server.errors import BadRequest
from metasweep.server.store.base import rows
from metasweep.server.store.base.rows import Rows
from metasweep.server.store.runs import filters as run_filters
from metasweep.server.store.runs import history, runs


def parse_filters(text: str | None) -> tuple[str, list[Any]]:
    """Return a query's run filter as SQL with its parameters; raise BadRequest if it is not a filter."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"filters: not JSON ({error})") from error
    if not isinstance(value or {}, dict):
        raise BadRequest("filters: a JSON object is needed")
    try:
        sql, parameters = run_filters.compile_filter(value or {})
    except ValueError as error:
        raise BadRequest(f"filters: {error}") from error
    return sql, list(parameters)


def listing(
    info: GraphQLResolveInfo, found: Rows, order: str | None, first: int | None, after: str | None
) -> dict[str, Any]:
    """A page of runs in an order such as "+created_at"."""
    try:
        terms = run_filters.compile_order(order or "+created_at")
    except ValueError as error:
        raise BadRequest(f"order: {error}") from error
    return paging.page(info, found, first, after, terms)


def project_runs(
    project: sqlite3.Row,
    info: GraphQLResolveInfo,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The runs of a project that match a filter."""
    sql, parameters = parse_filters(filters)
    return listing(info, runs.of_project(project["id"], sql, *parameters), order, first, after)


def run_count(project: sqlite3.Row, info: GraphQLResolveInfo, filters: str | None = None) -> int:
    """The number of a project's runs that match a filter."""
    sql, parameters = parse_filters(filters)
    return runs.of_project(project["id"], sql, *parameters).count(info.context.database.read())


def project_run(
    project: sqlite3.Row, info: GraphQLResolveInfo, name: str | None = None, **_rest: Any
) -> sqlite3.Row | None:
    """One run by its client id."""
    return runs.find(info.context.database.read(), project["id"], name)


def parent(table: str, column: str) -> Any:
    """A resolver for the row that a run's column refers to."""

    def resolve(run: sqlite3.Row, info: GraphQLResolveInfo) -> sqlite3.Row | None:
        return rows.get(info.context.database.read(), table, run[column])

    return resolve


def system_metrics(run: sqlite3.Row, info: GraphQLResolveInfo) -> str:
    """The newest system metrics, as JSON."""
    last = history.last_lines(info.context.database.read(), "events", run["id"], 1)
    return last[0] if last else "{}"


def wandb_config(run: sqlite3.Row, _info: GraphQLResolveInfo, keys: list[str] | None = None) -> str:
    """The client's own part of the config. An entry "t" tells the client that the run has begun."""
    inner = json.loads(run["config"]).get("_wandb", {})
    value = inner.get("value", {}) if isinstance(inner, dict) else {}
    value = value if isinstance(value, dict) else {}
    return json.dumps({key: value[key] for key in (keys or value) if key in value})


RUN = {
    "projectId": lambda run, _info: run["project_id"],
    "summaryMetrics": lambda run, _info: run["summary"],
    "systemMetrics": system_metrics,
    "tags": lambda run, _info: json.loads(run["tags"]),
    "group": lambda run, _info: run["group_name"],
    "commit": lambda run, _info: run["commit_hash"],
    "jobProgram": lambda run, _info: run["program"],
    "jobRepo": lambda run, _info: run["repo"],
    "exitcode": lambda run, _info: run["exit_code"],
    "readOnly": lambda _run, _info: False,
    "user": lambda run, info: viewer.user(info, run["username"]),
    "project": parent("projects", "project_id"),
    "sweep": parent("sweeps", "sweep_id"),
    "agent": parent("agents", "agent_id"),
    "sweepName": lambda run, _info: run["sweep"],
    "shouldStop": lambda run, _info: bool(run["stop_requested"]),
    "stopped": lambda run, _info: bool(run["stop_requested"]),
    "failed": lambda run, _info: run["state"] in ("failed", "crashed"),
    "running": lambda run, _info: run["state"] == "running",
    "historyLineCount": lambda run, _info: run["history_lines"],
    "eventsLineCount": lambda run, _info: run["events_lines"],
    "logLineCount": lambda run, _info: run["log_lines"],
    "wandbConfig": wandb_config,
}
RESOLVERS = {
    "Project": {"run": project_run, "bucket": project_run, "runs": project_runs, "runCount": run_count},
    "Run": RUN,
}
