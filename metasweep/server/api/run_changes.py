"""Creating, changing, stopping and deleting runs."""

import json
import sqlite3
from functools import partial
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.context import Context
from metasweep.server.documents import one_line, parse_object, standard_json
from metasweep.server.errors import BadRequest
from metasweep.server.store import artifacts, files, projects, sweeps
from metasweep.server.store.base import ids, rows
from metasweep.server.store.base.database import now, update
from metasweep.server.store.base.names import check_name
from metasweep.server.store.points import outcomes
from metasweep.server.store.runs import history, runs, streams
from metasweep.server.stream.files import remove_blobs
from metasweep.sweeps.states import ALIVE, ENDED, FINISHED, LOST

# Input field -> column, for fields that a client may set at any time.
COLUMNS = {
    "displayName": "display_name",
    "groupName": "group_name",
    "jobType": "job_type",
    "notes": "notes",
    "description": "description",
    "host": "host",
    "jobProgram": "program",
    "jobRepo": "repo",
    "commit": "commit_hash",
}
LONG = {"notes", "description"}  # texts of more than one line


def changes_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that an UpsertBucketInput sets. Null changes nothing."""
    changes = {column: fields[name] for name, column in COLUMNS.items() if fields.get(name) is not None}
    for column in changes.keys() - LONG:
        changes[column] = one_line(changes[column])
    if fields.get("tags") is not None:
        changes["tags"] = json.dumps([one_line(tag) for tag in fields["tags"]])
    for name, column in (("config", "config"), ("summaryMetrics", "summary")):
        if fields.get(name) is not None:
            changes[column] = json.dumps(standard_json(parse_object(fields[name], name)))
    return changes


def make(connection: sqlite3.Connection, context: Context, fields: dict[str, Any]) -> sqlite3.Row:
    """Create a run. If the client names no project or entity, defaults are used."""
    entity, project_name = fields.get("entityName") or context.settings.entity, fields.get("modelName")
    project, _ = projects.find_or_make(connection, entity, project_name or "uncategorized")
    name = check_name(fields.get("name") or ids.short(), "run")
    run = runs.make(connection, project["id"], name, context.settings.entity)
    sweep = sweeps.find(connection, project["id"], fields["sweep"]) if fields.get("sweep") else None
    if sweep is not None:
        runs.join_sweep(connection, run["id"], sweep)
    return run


def find(connection: sqlite3.Connection, context: Context, fields: dict[str, Any]) -> sqlite3.Row | None:
    """Return the run that an UpsertBucketInput names; None if it is new."""
    if fields.get("id"):
        return rows.by_id(connection, "runs", "Run", fields["id"])
    entity = fields.get("entityName") or context.settings.entity
    project = projects.find(connection, entity, fields.get("modelName") or "uncategorized")
    return runs.find(connection, project["id"], fields.get("name")) if project else None


def begin(connection: sqlite3.Connection, context: Context, run: sqlite3.Row, fields: dict[str, Any]) -> None:
    """Set the run's state when a client starts or resumes it, or sends a state."""
    wanted = fields.get("state")
    if wanted is not None and wanted not in ("running", "pending", *ENDED):
        raise BadRequest(f"state: {wanted[:40]!r} is not a state that can be set")
    done = run["state"] == FINISHED and run["sweep_id"] is not None  # `wandb sync` of an earlier attempt
    starts = not fields.get("id") and run["state"] not in ALIVE and not done
    state = wanted or ("running" if starts else run["state"])
    if state == "running" and run["state"] in ENDED:  # an old stop request does not apply to the resumed run
        update(connection, "runs", run["id"], stop_requested=0, exit_code=None)
    outcomes.change_state(connection, run, state, context.settings.max_attempts)


def upsert_bucket(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Create a run or change it. With a name it also starts or resumes the run; with an id it only edits."""
    context, changes = info.context, changes_of(input)

    def job(connection: sqlite3.Connection) -> dict[str, Any]:
        run = find(connection, context, input)
        inserted = run is None
        run = run or make(connection, context, input)
        begin(connection, context, run, input)
        values = changes | {"updated_at": now()} | ({} if input.get("id") else {"heartbeat_at": now()})
        update(connection, "runs", run["id"], **values)
        return {"bucket": rows.known(connection, "runs", run["id"]), "inserted": inserted}

    made = context.database.write(job)
    if made["inserted"] and (point := fork_point(made["bucket"])):
        take_over_history(context, made["bucket"], *point)
    return made


def fork_point(run: sqlite3.Row) -> tuple[str, int] | None:
    """The run from which a new run was forked, and the last step that both have; None where it is no fork."""
    found: Any = json.loads(run["config"])
    for key in ("_wandb", "value", "branch_point"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    name, step = found.get("run_id"), found.get("step")
    if not isinstance(name, str) or not isinstance(step, int | float) or not 0 <= step < 2**53:
        return None
    return name, int(step)


def take_over_history(context: Context, run: sqlite3.Row, name: str, step: int) -> None:
    """Give a fork what the run before it had logged."""
    read, write = context.database.read(), context.database.write
    source = runs.find(read, run["project_id"], name)
    if source is None:
        return
    for first in range(streams.first_line(read, source["id"]), source["history_lines"], streams.PORTION):
        write(partial(streams.take_over, run["id"], source, step, first))
    last = {"last_step": min(step, source["last_step"]), "history_keys": source["history_keys"]}
    write(lambda connection: update(connection, "runs", run["id"], **last))


def delete_run(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a run with everything that it logged; its point is free again. One that is gone may be again."""
    context, number = info.context, ids.decode("Run", input["id"])
    while number is not None and context.database.write(
        lambda connection: streams.forget(connection, number)
    ):
        pass  # others' writes have their turn

    def job(connection: sqlite3.Connection) -> list[str]:
        run = rows.get(connection, "runs", number)
        if run is None:
            if number is None:
                raise BadRequest(f"not the id of a run: {input['id'][:80]!r}")
            return []
        outcomes.release_deleted(connection, run)
        blobs = runs.blobs(connection, run["id"])
        if input.get("deleteArtifacts"):
            for artifact in artifacts.made_by(run["id"]).all(connection):
                blobs += artifacts.delete(connection, artifact)
        runs.delete(connection, run["id"])
        return files.unnamed(connection, blobs)

    remove_blobs(context.server, context.database.write(job))
    return {}


def stop_run(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Ask a run to stop."""
    context = info.context

    def job(connection: sqlite3.Connection) -> None:
        run = rows.by_id(connection, "runs", "Run", input["id"])
        outcomes.request_stop(connection, run, context.settings.max_attempts)

    context.database.write(job)
    return {"success": True}


def rewind_run(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete what a run logged after a step, so that it continues from there."""
    context, value = info.context, input["metricValue"]
    if input["metricName"] != "_step" or not 0 <= value < 2**53:
        raise BadRequest("a run is rewound to a _step of 0 or more")
    entity = input.get("entityName") or context.settings.entity
    path = (entity, input.get("projectName") or "uncategorized", input["runName"])

    def portion(connection: sqlite3.Connection) -> bool:
        run = runs.by_path(connection, *path)
        return streams.forget(connection, run["id"], ("history",), after=int(value))

    while context.database.write(portion):
        pass  # others' writes have their turn

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        run = runs.by_path(connection, *path)
        lines, step = history.cut(connection, run["id"], int(value))
        update(connection, "runs", run["id"], history_lines=lines, last_step=step, updated_at=now())
        return rows.known(connection, "runs", run["id"])

    return {"rewound_run": context.database.write(job)}


def update_run_state(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Set a run outside of sweeps to pending or failed."""
    allowed = {"pending": ("running", "failed", "crashed", "preempted"), "failed": ("pending", "running")}

    def job(connection: sqlite3.Connection) -> None:
        run = rows.by_id(connection, "runs", "Run", input["id"])
        if run["sweep_id"] is not None:
            raise BadRequest("the state of a sweep's run cannot be set")
        if run["state"] not in allowed.get(input["state"], ()):
            raise BadRequest(f"a run cannot go from {run['state']} to {input['state'][:40]}")
        outcomes.change_state(connection, run, input["state"], info.context.settings.max_attempts)

    info.context.database.write(job)
    return {"success": True}


def release_point(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Offer a lost run's point again, even if it was told to stop or has had all its attempts."""

    def job(connection: sqlite3.Connection) -> None:
        run = rows.by_id(connection, "runs", "Run", input["id"])
        if run["sweep_id"] is None or run["point"] is None:
            raise BadRequest("this run holds no point of a sweep")
        if run["state"] not in LOST:
            raise BadRequest(
                f"the run is {run['state']}: only a failed, crashed or killed run releases its point"
            )
        if not outcomes.release(connection, run):
            raise BadRequest("another run has this point, or it is already offered again")

    info.context.database.write(job)
    return {"success": True}


RESOLVERS = {
    "Mutation": {
        "upsertBucket": upsert_bucket,
        "deleteRun": delete_run,
        "stopRun": stop_run,
        "releasePoint": release_point,
        "updateRunState": update_run_state,
        "rewindRun": rewind_run,
    },
    "UpsertBucketPayload": {"serverSettings": lambda _payload, _info: {"server_messages": []}},
}
