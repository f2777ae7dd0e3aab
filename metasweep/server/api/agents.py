"""Agents: registering, and the heartbeat that hands out runs."""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import lookup, paging, runs
from metasweep.server.context import Context
from metasweep.server.errors import NotFound
from metasweep.server.store import claims, ids, suggestions
from metasweep.server.store.database import insert, now, one_of, time_ago
from metasweep.server.stream.streams import parse_object
from metasweep.sweeps.states import ACTIVE, OPEN

Command = dict[str, Any]
EXIT: Command = {"type": "exit"}
STANDBY = 2  # idle agents that wait for each open run
PRESENT_SECONDS = 10.0  # an agent that asked within this time is there; W&B's own asks every 5 s


def create_agent(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Register an agent with a sweep, which begins with its first one."""

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        entity = input.get("entityName") or info.context.settings.entity
        project = lookup.project(connection, entity, input.get("projectName") or "uncategorized")
        sweep = lookup.sweep(connection, project["id"], input["sweep"]) if project else None
        if sweep is None:
            raise NotFound(f"sweep {entity}/{input.get('projectName')}/{input['sweep']} not found")
        connection.execute(
            "UPDATE sweeps SET state = 'RUNNING' WHERE id = ? AND state = 'PENDING'", (sweep["id"],)
        )
        agent_id = insert(
            connection,
            "agents",
            sweep_id=sweep["id"],
            name=ids.short(),
            host=input["host"],
            state="RUNNING",
            created_at=now(),
            heartbeat_at=now(),
        )
        return connection.execute("SELECT * FROM agents WHERE id = ?", (agent_id,)).fetchone()

    return {"agent": info.context.database.write(job)}


def heartbeat(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """An agent says which of its runs are running, and is told what to do."""
    context = info.context
    running = {
        name for name, state in parse_object(input.get("runState") or "{}", "runState").items() if state
    }

    suggestion = None if running else suggest_for(context, input["id"])

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[Command]]:
        agent = lookup.by_id(connection, "agents", "Agent", input["id"])
        connection.execute(
            "UPDATE agents SET heartbeat_at = ?, standing_by = 0 WHERE id = ?", (now(), agent["id"])
        )
        settle_unlisted(connection, context, agent, running)
        sweep = connection.execute("SELECT * FROM sweeps WHERE id = ?", (agent["sweep_id"],)).fetchone()
        commands = next_commands(connection, context, sweep, agent, running, suggestion)
        state = "FINISHED" if commands == [EXIT] else "RUNNING"
        connection.execute("UPDATE agents SET state = ? WHERE id = ?", (state, agent["id"]))
        return agent, commands

    agent, commands = context.database.write(job)
    return {"agent": agent, "commands": json.dumps(commands)}


def suggest_for(context: Context, agent_id: str) -> claims.Point | None:
    """What the sweep of an agent would try next, if it learns; worked out before the claim."""
    read = context.database.read()
    agent = lookup.by_id(read, "agents", "Agent", agent_id)
    sweep = read.execute("SELECT * FROM sweeps WHERE id = ?", (agent["sweep_id"],)).fetchone()
    return suggestions.suggest(read, sweep, agent["id"]) if sweep["state"] == "RUNNING" else None


def next_commands(
    connection: sqlite3.Connection,
    context: Context,
    sweep: sqlite3.Row,
    agent: sqlite3.Row,
    running: set[str],
    suggestion: claims.Point | None,
) -> list[Command]:
    """What an agent is to do now. It gets a run only when it reports none running."""
    if sweep["state"] == "CANCELED":
        kill_runs(connection, context, agent)
        return [EXIT]
    if running:
        return stops(connection, agent, running)
    if sweep["state"] == "PAUSED":
        return []
    if sweep["state"] == "FINISHED":
        return [EXIT]
    claimed = claims.claim(connection, sweep, agent["id"], context.settings.entity, suggestion)
    if claimed is None:
        claims.finish_if_exhausted(connection, sweep["id"])
        return [] if stands_by(connection, sweep["id"], agent["id"]) else [EXIT]
    return [claimed]


def stands_by(connection: sqlite3.Connection, sweep_id: int, agent_id: int) -> bool:
    """Whether an idle agent stays although all is handed out: an open run may yet give its point back.

    Two agents for each open run, those that registered first, since one of them may have died; the others
    need not spend their walltime.
    """
    (open_runs,) = connection.execute(
        f"SELECT count(*) FROM runs WHERE sweep_id = ? AND state IN {one_of(OPEN)}",
        (sweep_id,),
    ).fetchone()
    (before,) = connection.execute(
        "SELECT count(*) FROM agents WHERE sweep_id = ? AND id < ? AND standing_by AND heartbeat_at >= ?",
        (sweep_id, agent_id, time_ago(PRESENT_SECONDS)),
    ).fetchone()
    stays = before < STANDBY * open_runs
    connection.execute("UPDATE agents SET standing_by = ? WHERE id = ?", (stays, agent_id))
    return stays


def runs_of(connection: sqlite3.Connection, agent: sqlite3.Row, *states: str) -> list[sqlite3.Row]:
    """The runs of an agent that are in one of these states."""
    marks = ", ".join("?" * len(states))
    return connection.execute(
        f"SELECT * FROM runs WHERE agent_id = ? AND state IN ({marks})", (agent["id"], *states)
    ).fetchall()


def settle_unlisted(
    connection: sqlite3.Connection, context: Context, agent: sqlite3.Row, running: set[str]
) -> None:
    """Runs that their agent does not list, and that ended without a word.

    Without ever calling wandb.init they failed; after a stop command they were killed.
    """
    for run in runs_of(connection, agent, *ACTIVE):
        if run["name"] not in running and (run["stop_requested"] or run["state"] == "pending"):
            state = "killed" if run["stop_requested"] else "failed"
            claims.change_state(connection, run, state, context.settings.max_attempts)


def kill_runs(connection: sqlite3.Connection, context: Context, agent: sqlite3.Row) -> None:
    """The exit command kills an agent's children without a word from them: note it here."""
    for run in runs_of(connection, agent, *ACTIVE):
        claims.change_state(connection, run, "killed", context.settings.max_attempts)


def stops(connection: sqlite3.Connection, agent: sqlite3.Row, running: set[str]) -> list[Command]:
    """Stop commands for those running runs that were asked to stop."""
    asked = [run for run in runs_of(connection, agent, "pending", "running") if run["stop_requested"]]
    return [{"type": "stop", "run_id": run["name"]} for run in asked if run["name"] in running]


def sweep_agents(sweep: sqlite3.Row, info: GraphQLResolveInfo, **_page: Any) -> dict[str, Any]:
    """The agents of a sweep."""
    query = "SELECT * FROM agents WHERE sweep_id = ? ORDER BY id"
    return paging.everything(info.context.database.read().execute(query, (sweep["id"],)))


def sweep_agent(sweep: sqlite3.Row, info: GraphQLResolveInfo, agentName: str) -> sqlite3.Row | None:
    """One agent of a sweep, by its name or its id."""
    query = "SELECT * FROM agents WHERE sweep_id = ? AND (name = ? OR id = ?)"
    read = info.context.database.read()
    return read.execute(query, (sweep["id"], agentName, ids.decode("Agent", agentName))).fetchone()


def agent_runs(
    agent: sqlite3.Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The runs of an agent."""
    return runs.find(info, "agent_id = ?", [agent["id"]], order, first, after)


RESOLVERS = {
    "Query": {
        "agent": lambda _source, info, id=None: lookup.by_id(
            info.context.database.read(), "agents", "Agent", id
        )
    },
    "Mutation": {"createAgent": create_agent, "agentHeartbeat": heartbeat},
    "Sweep": {"agents": sweep_agents, "agent": sweep_agent},
    "Agent": {"runs": agent_runs},
}
