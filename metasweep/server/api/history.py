"""Reading the streams of a run: history, system metrics, console lines."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api.graphql import paging
from metasweep.server.documents import parse_object, standard_json
from metasweep.server.errors import BadRequest
from metasweep.server.store.base.order import Term
from metasweep.server.store.runs import history
from metasweep.server.stream.console import log_line
from metasweep.server.stream.streams import type_name
from metasweep.sweeps.metric import look_up

DEFAULT_SAMPLES = 500
TAIL = 1  # lines of a stream that a resuming client needs


def spread(count: int, samples: int) -> list[int]:
    """Return at most `samples` indices below `count`, evenly spread, including the first and the last."""
    if count <= samples:
        return list(range(count))
    if samples <= 1:
        return [count - 1][:samples]
    return [round(i * (count - 1) / (samples - 1)) for i in range(samples)]


def whole(value: Any, default: int) -> int:
    """Read an Int64 argument, a number or a string."""
    if value is None:
        return default
    try:
        return max(-(2**62), min(2**62, int(value)))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"{str(value)[:40]!r} is not a whole number") from error


def run_history(
    run: sqlite3.Row,
    info: GraphQLResolveInfo,
    minStep: Any = None,
    maxStep: Any = None,
    samples: int | None = None,
) -> list[str]:
    """The rows with minStep <= step < maxStep. Without bounds, all of them or a sample."""
    read = info.context.database.read()
    if minStep is None and maxStep is None:
        rows = list(history.lines(read, "history", run["id"]))
        return [rows[i] for i in spread(len(rows), DEFAULT_SAMPLES if samples is None else max(0, samples))]
    low, high = whole(minStep, -(2**62)), whole(maxStep, 2**62)
    return history.steps(read, run["id"], low, high)


def events(run: sqlite3.Row, info: GraphQLResolveInfo, samples: int | None = None) -> list[str]:
    """A sample of the system metrics."""
    rows = list(history.lines(info.context.database.read(), "events", run["id"]))
    return [rows[i] for i in spread(len(rows), DEFAULT_SAMPLES if samples is None else max(0, samples))]


def sampled_history(
    run: sqlite3.Row, info: GraphQLResolveInfo, specs: list[str]
) -> list[list[dict[str, Any]]]:
    """For each spec {keys, samples, minStep, maxStep}, the rows that have all its keys, evenly sampled."""
    return [one_sample(run, info, parse_object(spec, "specs")) for spec in specs]


def one_sample(run: sqlite3.Row, info: GraphQLResolveInfo, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows for one spec; maxStep is included."""
    keys = spec.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return []
    low, high = whole(spec.get("minStep"), -(2**62)), whole(spec.get("maxStep"), 2**62)
    texts = history.steps(info.context.database.read(), run["id"], low, high + 1)
    picked = ({key: look_up(row, key) for key in keys} for row in map(json.loads, texts))
    rows = [row for row in picked if all(value is not None for value in row.values())]
    chosen = spread(len(rows), max(0, whole(spec.get("samples"), DEFAULT_SAMPLES)))
    return [standard_json(rows[i]) for i in chosen]


def history_keys(run: sqlite3.Row, info: GraphQLResolveInfo) -> dict[str, Any]:
    """Every logged key with its type and last value, and the last step.

    The members of a mapping are listed, under names with dots; media, which carry a type, count as one value.
    """
    known = json.loads(run["history_keys"])
    values = history.newest_values(info.context.database.read(), run["id"], known)
    types: dict[str, tuple[str, Any]] = {}
    for key, kind in known.items():
        if kind == "map" and key in values:
            types |= {name: (type_name(value), value) for name, value in members(key, values[key])}
        else:
            types[key] = (kind, values.get(key))
    return {
        "sets": [],
        "keys": {key: count(run, *of) for key, of in types.items()},
        "lastStep": run["last_step"],
    }


def members(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members of a nested mapping with their names, such as losses.val."""
    if isinstance(value, dict) and "_type" not in value:
        for key, inner in value.items():
            yield from members(f"{name}.{key}", inner)
    else:
        yield name, value


def count(run: sqlite3.Row, kind: str, value: Any) -> dict[str, Any]:
    """Return the description of a key of the history."""
    found = {"typeCounts": [{"type": kind, "count": run["history_lines"]}]}
    return found if value is None else found | {"previousValue": standard_json(value)}


def parquet_history(
    run: sqlite3.Row, info: GraphQLResolveInfo, liveKeys: list[str] | None = None
) -> dict[str, Any]:
    """Return no exported files, and a first step that makes the client read everything live."""
    step = history.first_step(info.context.database.read(), run["id"])
    live = [] if step is None else [{"_step": step}]
    return {"parquet_urls": [], "live_data": live if liveKeys is None or "_step" in liveKeys else []}


def tail(stream: history.Stream) -> Callable[[sqlite3.Row, GraphQLResolveInfo], str]:
    """A resolver for the last line of a stream, as a JSON list of JSON strings."""

    def resolve(run: sqlite3.Row, info: GraphQLResolveInfo) -> str:
        return json.dumps(history.last_lines(info.context.database.read(), stream, run["id"], TAIL))

    return resolve


def log_lines(
    run: sqlite3.Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """Console lines from the beginning in pages, or the last few."""
    begin = 0
    if last is not None:
        begin = max(0, run["log_lines"] - max(0, last))
        first, after = paging.LARGEST_PAGE, None
    return paging.page(
        info, history.log_lines(run["id"], begin), first, after, [Term("line")], 1000, log_line
    )


RESOLVERS = {
    "Run": {
        "history": run_history,
        "events": events,
        "sampledHistory": sampled_history,
        "historyKeys": history_keys,
        "parquetHistory": parquet_history,
        "historyTail": tail("history"),
        "eventsTail": tail("events"),
        "logLines": log_lines,
    }
}
