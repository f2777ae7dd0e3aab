"""The stream of a run: history, system metrics, console lines and summary, as they arrive.

Every line is stored by (run, stream, offset). So a request that arrives twice, in pieces or out of order
changes nothing. An empty request is the run's heartbeat. The reply tells a run when to stop.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse

from metasweep.server.body import LARGE, read_json
from metasweep.server.context import Server
from metasweep.server.documents import parse_object, standard_json, storable
from metasweep.server.errors import BadRequest
from metasweep.server.store.base.database import now, update
from metasweep.server.store.points import outcomes
from metasweep.server.store.runs import runs, streams

HISTORY, EVENTS, LOGS, SUMMARY = (
    "wandb-history.jsonl",
    "wandb-events.jsonl",
    "output.log",
    "wandb-summary.json",
)
MOST_KEYS = 100_000  # of a run's history; their list is read at every write
PORTION = 5_000  # lines of each stream in one write, so that other writes need not wait for long
MAX_LINE = 2**53  # offsets and steps above this are not numbers that JSON keeps


@dataclass
class Chunk:
    """One checked request of a run's stream, with rows ready for the database."""

    history: list[tuple[int, int, str]] = field(default_factory=list)  # line, step, text
    events: list[tuple[int, str]] = field(default_factory=list)
    logs: list[tuple[int, str]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)  # metric -> type of its last value
    summary: str | None = None
    preempting: bool = False
    complete: bool = False
    exit_code: int | None = None


def type_name(value: Any) -> str:
    """Return the type of a logged value in W&B's words. Media carry their own type."""
    if isinstance(value, dict):
        return str(value.get("_type", "map"))
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "list")):
        if isinstance(value, kind):
            return name
    return "nil"


def parse_lines(files: dict[str, Any], name: str) -> list[tuple[int, str]]:
    """Return the (line number, text) pairs of one stream in a request."""
    part = files.get(name)
    if part is None:
        return []
    if not isinstance(part, dict):
        raise BadRequest(f"{name}: an object is needed")
    offset, content = part.get("offset", 0), part.get("content")
    content = [content] if isinstance(content, str) else content
    if type(offset) is not int or not 0 <= offset < MAX_LINE:
        raise BadRequest(f"{name}.offset: a whole number from 0 is needed")
    if not isinstance(content, list) or not all(isinstance(line, str) for line in content):
        raise BadRequest(f"{name}.content: a list of strings is needed")
    return list(enumerate(map(storable, content), offset))


def parse(body: dict[str, Any]) -> Chunk:
    """Check a request of the stream; BadRequest says what is wrong."""
    files = body.get("files") or {}
    if not isinstance(files, dict):
        raise BadRequest("files: an object is needed")
    chunk = Chunk(events=parse_lines(files, EVENTS), logs=parse_lines(files, LOGS))
    for line, text in parse_lines(files, HISTORY):
        row = parse_object(text, f"{HISTORY} line {line}")
        if "\\ud" in text.lower():  # perhaps a lone surrogate, as an escape
            row = standard_json(row)
            text = json.dumps(row)
        step = row.get("_step", line)
        if type(step) not in (int, float) or not -MAX_LINE < step < MAX_LINE:
            raise BadRequest(f"{HISTORY} line {line}: _step is not a number")
        chunk.history.append((line, int(step), text))
        chunk.keys.update((key, type_name(value)) for key, value in row.items())
    for line, text in chunk.events:
        parse_object(text, f"{EVENTS} line {line}")
    if summary := parse_lines(files, SUMMARY):
        chunk.summary = json.dumps(standard_json(parse_object(summary[-1][1], SUMMARY)))
    chunk.preempting = body.get("preempting") is True
    chunk.complete = body.get("complete") is True
    exit_code = body.get("exitcode")
    if exit_code is not None and (type(exit_code) is not int or abs(exit_code) > 2**31):
        raise BadRequest("exitcode: a whole number is needed")
    chunk.exit_code = exit_code
    return chunk


def portions(chunk: Chunk) -> Iterator[Chunk]:
    """Yield the parts in which a chunk is written: its lines in order; everything else with the last ones."""
    longest = max(len(chunk.history), len(chunk.events), len(chunk.logs))
    last = max(0, longest - 1) // PORTION * PORTION
    for begin in range(0, last + 1, PORTION):
        here = slice(begin, begin + PORTION)
        lines = {"history": chunk.history[here], "events": chunk.events[here], "logs": chunk.logs[here]}
        yield replace(chunk, **lines) if begin == last else Chunk(**lines, keys=chunk.keys)  # type: ignore[arg-type]


def store(connection: sqlite3.Connection, run: sqlite3.Row, chunk: Chunk) -> None:
    """Store a chunk's lines and update the run's counters."""
    changes: dict[str, Any] = {"heartbeat_at": now()}
    if chunk.history:
        changes |= store_history(connection, run, chunk)
    others: list[tuple[Literal["events", "logs"], list[tuple[int, str]]]]
    others = [("events", chunk.events), ("logs", chunk.logs)]
    for table, lines in others:
        if lines:
            streams.put_lines(connection, table, run["id"], lines)
            counter = "events_lines" if table == "events" else "log_lines"
            changes[counter] = max(run[counter], lines[-1][0] + 1)
    if chunk.summary is not None:
        changes["summary"] = chunk.summary
        if run["sweep_id"] is not None:
            outcomes.finish_at_target(connection, run["sweep_id"], chunk.summary)
    update(connection, "runs", run["id"], **changes)


def store_history(connection: sqlite3.Connection, run: sqlite3.Row, chunk: Chunk) -> dict[str, Any]:
    """Store rows of history; return the columns of the run that change."""
    old_lines, old_step = run["history_lines"], run["last_step"]
    if was_restarted(connection, run, chunk):
        streams.clear_history(connection, run["id"])
        old_lines, old_step = 0, -1
    rows = new_rows(connection, run, chunk.history, old_step)
    streams.put_history(connection, run["id"], rows)
    changes: dict[str, Any] = {
        "history_lines": max([old_lines, *(line + 1 for line, _, _ in rows[-1:])]),
        "last_step": max(old_step, max(step for _, step, _ in chunk.history)),
    }
    known = json.loads(run["history_keys"])
    new = {key: kind for key, kind in chunk.keys.items() if known.get(key) != kind}
    if new and len(known) < MOST_KEYS:
        changes["history_keys"] = json.dumps(known | new)
    return changes


def new_rows(
    connection: sqlite3.Connection, run: sqlite3.Row, rows: list[tuple[int, int, str]], last_step: int
) -> list[tuple[int, int, str]]:
    """Return the rows without those that another line already has.

    `wandb sync` sends everything of a run whose end the server lacks, after what the server has. Rows with
    the same step and time are the same.
    """
    steps = [step for _, step, _ in rows]
    if min(steps) > last_step:
        return rows
    stored = streams.rows_of_steps(connection, run["id"], steps)
    lines = {identity: line for line, step, text in stored if (identity := (step, logged_at(text)))[1]}
    return [row for row in rows if lines.get((row[1], logged_at(row[2])), row[0]) == row[0]]


def logged_at(text: str) -> float | None:
    """Return the time at which a row of history was logged, if it has one."""
    time = json.loads(text).get("_timestamp")
    return time if isinstance(time, int | float) else None


def was_restarted(connection: sqlite3.Connection, run: sqlite3.Row, chunk: Chunk) -> bool:
    """Return whether the run was started again under its id: its first line differs from the stored one."""
    line, _, text = chunk.history[0]
    if line or not run["history_lines"]:
        return False
    first = streams.first_row(connection, run["id"])
    return first is not None and first != text


def forget_old(path: tuple[str, str, str], chunk: Chunk, connection: sqlite3.Connection) -> bool:
    """Delete a portion of what a run logged before it was started again; return whether there may be more."""
    run = runs.by_path(connection, *path)
    return was_restarted(connection, run, chunk) and streams.forget(connection, run["id"], ("history",))


def next_state(run: sqlite3.Row, chunk: Chunk) -> str:
    """Return the state of a run after a chunk. A cancelled run stays killed; a crashed one runs again.

    After a run has finished, later chunks change nothing: they come from a process that was thought dead.
    """
    state = run["state"]
    if state == "finished":
        return state
    if chunk.complete:
        if state == "killed":
            return state
        if not chunk.exit_code:
            return "finished"
        if run["stop_requested"]:  # it may report preempted, since it cannot know who stopped it
            return "killed"
        return "preempted" if state == "preempting" or chunk.preempting else "failed"
    if chunk.preempting:
        return "preempting"
    return "running" if state in ("pending", "crashed") else state


def receive(server: Server, path: tuple[str, str, str], chunk: Chunk, connection: sqlite3.Connection) -> bool:
    """Store a chunk of a run; return True if the run should stop."""
    run = runs.by_path(connection, *path)
    store(connection, run, chunk)
    if chunk.exit_code is not None:
        update(connection, "runs", run["id"], exit_code=chunk.exit_code)
    outcomes.change_state(connection, run, next_state(run, chunk), server.settings.max_attempts)
    return bool(run["stop_requested"]) or run["state"] == "killed"


async def file_stream(request: Request) -> JSONResponse:
    """POST of a run's stream. The answer comes after everything is stored."""
    server: Server = request.app.state.server
    text = await read_json(request)
    chunk = await to_thread.run_sync(parse, text) if is_large(request) else parse(text)
    path = tuple(request.path_params[name] for name in ("entity", "project", "run"))
    write = server.database.write_async
    if chunk.history and chunk.history[0][0] == 0:
        while await write(partial(forget_old, path, chunk)):
            pass
    for part in portions(chunk):
        stopped = await write(partial(receive, server, path, part))
    return JSONResponse({"stopped": stopped})


def is_large(request: Request) -> bool:
    """Return whether parsing the request would delay other requests."""
    zipped = "content-encoding" in request.headers
    return zipped or int(request.headers.get("content-length", LARGE)) >= LARGE
