"""Programs that choose the runs of a sweep themselves.

The local scheduler of `wandb sweep-scheduler` queues runs one by one. The local controller of `wandb
controller` writes its decisions into its sweep.
"""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.context import Context
from metasweep.server.documents import parse_object
from metasweep.server.errors import BadRequest
from metasweep.server.store.base import rows
from metasweep.server.store.base.database import update
from metasweep.server.store.points import claims, outcomes
from metasweep.server.store.runs import runs

Connection = sqlite3.Connection
REMEMBERED = 100  # newest runs that a controller sees; it asks for one at a time


def point_of(config: dict[str, Any]) -> claims.Point:
    """Return the values of {"lr": {"value": 0.1}}, or of {"lr": 0.1}."""
    return {
        name: item["value"] if isinstance(item, dict) and "value" in item else item
        for name, item in config.items()
    }


def enqueue_run(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Queue a run of a sweep for the next agent that asks; return its name."""
    point, display_name = point_of(parse_object(input["config"], "config")), input.get("displayName")
    username = info.context.settings.entity

    def job(connection: Connection) -> str:
        sweep = rows.by_id(connection, "sweeps", "Sweep", input["id"])
        if sweep["state"] in ("FINISHED", "CANCELED"):
            raise BadRequest(f"the sweep is {sweep['state'].lower()}: resume it first")
        return claims.enqueue(connection, sweep, username, point, display_name)

    name = info.context.database.write(job)
    return {"id": name, "run_queue_item_id": name}


def obey_controller(connection: Connection, context: Context, sweep: sqlite3.Row, text: str) -> None:
    """Carry out what a local controller has written into its sweep, each entry once, and record it.

    {"schedule": [{"id", "data": {"args"}}], "earlystop": [run, …]}; args of null: nothing is left to try.
    What is scheduled beyond the sweep's run_cap is left out: controllers do not count.
    """
    decisions = parse_object(text, "controller")
    done = parse_object(sweep["scheduler"] or "{}", "scheduler")
    scheduled = [entry for entry in done.get("scheduled") or [] if isinstance(entry, dict)]
    known = {entry.get("id") for entry in scheduled}
    for entry in decisions.get("schedule") or []:
        if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
            raise BadRequest('controller: an entry of schedule is {"id": …, "data": {"args": …}}')
        if entry.get("id") in known:
            continue
        args = entry["data"].get("args")
        if not isinstance(args, dict):
            update(connection, "sweeps", sweep["id"], state="FINISHED")
            continue
        if outcomes.is_capped(connection, sweep["id"]):
            break
        name = claims.enqueue(connection, sweep, context.settings.entity, point_of(args), None)
        scheduled.append({"id": entry.get("id"), "runid": name})
    for name in decisions.get("earlystop") or []:
        run = runs.find(connection, sweep["project_id"], str(name))
        if run is not None and run["sweep_id"] == sweep["id"]:
            outcomes.request_stop(connection, run, context.settings.max_attempts)
    text_of_done = json.dumps(done | {"scheduled": scheduled[-REMEMBERED:]})
    update(connection, "sweeps", sweep["id"], controller=text, scheduler=text_of_done)


RESOLVERS = {
    "Mutation": {"enqueueSweepRun": enqueue_run},
    "Sweep": {"controllerRunName": lambda sweep, _info: sweep["controller_run"] or ""},
}
