"""Agents: registering, and the heartbeat that hands out runs."""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import runs
from metasweep.server.api.graphql import paging
from metasweep.server.context import Context
from metasweep.server.documents import one_line, parse_object
from metasweep.server.errors import NotFound
from metasweep.server.store import projects, sweeps
from metasweep.server.store.base import rows
from metasweep.server.store.base.database import time_ago, update
from metasweep.server.store.points import agents, claims, configs, outcomes, suggestions
from metasweep.server.store.points.configs import config_of
from metasweep.server.store.runs import runs as run_rows
from metasweep.sweeps import is_steered
from metasweep.sweeps.states import ACTIVE

Command = dict[str, Any]
EXIT: Command = {"type": "exit"}
# W&B's own agent asks 5 s after an answer and lists no ended run, so a run that it does not list then has
# ended. A request that is sooner or later than that is a repetition by the client, which got no answer.
NEXT_LOOK = (5.0, 10.0)  # seconds


def create_agent(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Register an agent with a sweep. The first agent starts the sweep."""

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        entity = input.get("entityName") or info.context.settings.entity
        project = projects.find(connection, entity, input.get("projectName") or "uncategorized")
        sweep = sweeps.find(connection, project["id"], input["sweep"]) if project else None
        if sweep is None:
            raise NotFound(f"sweep {entity}/{input.get('projectName')}/{input['sweep']} not found")
        sweeps.begin(connection, sweep["id"])
        return agents.make(connection, sweep["id"], one_line(input["host"]))

    return {"agent": info.context.database.write(job)}


def heartbeat(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """An agent reports its running runs and gets its commands."""
    context = info.context
    listed = {
        name: bool(state) for name, state in parse_object(input.get("runState") or "{}", "runState").items()
    }
    running = {name for name, state in listed.items() if state}
    suggestion = None if running else suggest_for(context, input["id"])

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[Command]]:
        agent = rows.by_id(connection, "agents", "Agent", input["id"])
        agents.note_heartbeat(connection, agent["id"])
        settle(connection, context, agent, listed)
        sweep = rows.known(connection, "sweeps", agent["sweep_id"])
        commands = next_commands(connection, context, sweep, agent, running, suggestion)
        state = "FINISHED" if commands == [EXIT] else "RUNNING"
        update(connection, "agents", agent["id"], state=state)
        return agent, commands

    agent, commands = context.database.write(job)
    return {"agent": agent, "commands": json.dumps(commands)}


def suggest_for(context: Context, agent_id: str) -> claims.Point | None:
    """Return the point that an agent's sweep would try next, if its search learns.

    Called before the claim.
    """
    read = context.database.read()
    agent = rows.by_id(read, "agents", "Agent", agent_id)
    sweep = rows.known(read, "sweeps", agent["sweep_id"])
    if sweep["state"] != "RUNNING":
        return None
    configs.prepare(read, sweep)
    return suggestions.suggest(read, sweep, agent["id"])


def next_commands(
    connection: sqlite3.Connection,
    context: Context,
    sweep: sqlite3.Row,
    agent: sqlite3.Row,
    running: set[str],
    suggestion: claims.Point | None,
) -> list[Command]:
    """Return the commands for an agent. It gets a new run only if it reports none running."""
    if sweep["state"] == "CANCELED":
        kill_runs(connection, context, agent)
        return [EXIT]
    if running:
        return stops(connection, agent, running)
    if sweep["state"] == "PAUSED":
        return []
    if sweep["state"] == "FINISHED":
        return [EXIT]
    if lost := claims.repeat(connection, sweep, agent["id"]):
        return [lost]
    claimed = claims.claim(connection, sweep, agent["id"], context.settings.entity, suggestion)
    if claimed is None:
        outcomes.finish_if_exhausted(connection, sweep["id"])
        if is_steered(config_of(connection, sweep)):
            return []  # the program that chooses its runs may queue more, until it finishes the sweep
        return [] if agents.stands_by(connection, sweep["id"], agent["id"]) else [EXIT]
    return [claimed]


def settle(
    connection: sqlite3.Connection, context: Context, agent: sqlite3.Row, listed: dict[str, bool]
) -> None:
    """Compare an agent's runs with those in its heartbeat: True for a running run, False for an ended one.

    A run that ended without reporting it has failed if it never called wandb.init; after a stop command it
    was killed. A run that was handed out but not received by the agent is left as it is.
    """
    for run in run_rows.of_agent(agent["id"], *ACTIVE).all(connection):
        if run["name"] in listed and not run["acknowledged"]:
            claims.acknowledge(connection, run)
        undelivered = run["name"] not in listed and may_be_undelivered(run, context.settings.lease)
        if listed.get(run["name"]) or (undelivered and not run["stop_requested"]):
            continue
        if run["stop_requested"] or run["state"] == "pending":
            state = "killed" if run["stop_requested"] else "failed"
            outcomes.change_state(connection, run, state, context.settings.max_attempts)


def may_be_undelivered(run: sqlite3.Row, lease: float) -> bool:
    """Return whether the agent, which asks now and does not list the run, may not have received it.

    This has a time limit: a very slow agent cannot be told from one that received nothing.
    """
    soon, late = map(time_ago, NEXT_LOOK)
    repeats = not late < run["heartbeat_at"] <= soon
    return not run["acknowledged"] and repeats and run["created_at"] > time_ago(lease)


def kill_runs(connection: sqlite3.Connection, context: Context, agent: sqlite3.Row) -> None:
    """Mark the runs of an agent as killed. It kills them after an exit command, and they report nothing."""
    for run in run_rows.of_agent(agent["id"], *ACTIVE).all(connection):
        outcomes.change_state(connection, run, "killed", context.settings.max_attempts)


def stops(connection: sqlite3.Connection, agent: sqlite3.Row, running: set[str]) -> list[Command]:
    """Return stop commands for the running runs that were asked to stop."""
    of_agent = run_rows.of_agent(agent["id"], "pending", "running").all(connection)
    asked = [run["name"] for run in of_agent if run["stop_requested"]]
    return [{"type": "stop", "run_id": name} for name in asked if name in running]


def sweep_agents(sweep: sqlite3.Row, info: GraphQLResolveInfo, **_page: Any) -> dict[str, Any]:
    """The agents of a sweep."""
    return paging.everything(agents.of_sweep(sweep["id"]).all(info.context.database.read()))


def sweep_agent(sweep: sqlite3.Row, info: GraphQLResolveInfo, agentName: str) -> sqlite3.Row | None:
    """One agent of a sweep, by its name or its id."""
    return agents.find(info.context.database.read(), sweep["id"], agentName)


def agent_runs(
    agent: sqlite3.Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The runs of an agent."""
    return runs.listing(info, run_rows.of_agent(agent["id"]), order, first, after)


RESOLVERS = {
    "Query": {
        "agent": lambda _source, info, id=None: rows.by_id(
            info.context.database.read(), "agents", "Agent", id
        )
    },
    "Mutation": {"createAgent": create_agent, "agentHeartbeat": heartbeat},
    "Sweep": {"agents": sweep_agents, "agent": sweep_agent},
    "Agent": {"runs": agent_runs},
}
