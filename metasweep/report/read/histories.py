"""The histories of many runs: from the cache, or from the server, many with one request.

W&B's client asks for each history by itself, with a field of a run that a list of runs has too. So 10,000
short runs take 200 requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from itertools import groupby
from typing import Any

from metasweep.client.protocol import START_ATTEMPTS, Client
from metasweep.client.transport import Unreachable
from metasweep.report.read.cache import HistoryCache
from metasweep.report.read.records import History, RunRecord

QUERY = """
query Histories($project: String!, $entity: String!, $filters: JSONString, $first: Int, $samples: Int) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, first: $first) { edges { node { name history(samples: $samples) } } }
  }
}"""
MOST_RUNS, MOST_ROWS = 50, 10_000  # of one request, so that no answer is long; a longer history comes alone
SAMPLES = 100_000  # rows of a history; more than any run logs, so that the server returns all of them
THREADS = 4

Progress = Callable[[int, int], None]  # (histories read, histories in all)


def read_histories(
    client: Client, runs: Sequence[Any], records: Sequence[RunRecord], cache: HistoryCache, progress: Progress
) -> dict[str, History]:
    """Return histories by run id, in the order of the runs: from the cache, or from the server if changed.

    Args:
        client: of the server.
        runs: the client's objects.
        records: the same runs.
        cache: histories read before; gets the new ones.
        progress: called as they arrive.

    Raises: Refused; Unreachable, after some attempts of a server that does not only throttle.
    """
    known = cache.read(records)
    by_id = {record.run_id: record for record in records}
    progress(len(known), len(records))
    while wanted := [run for run in runs if run.id not in known]:
        try:
            for texts in _ask_for(client, batches(wanted)):
                cache.write([(by_id[run], text) for run, text in texts.items() if text])
                known.update({run: json.loads(text) if text else [] for run, text in texts.items()})
                progress(len(known), len(records))
        except Unreachable:
            if not client.throttle.left():
                raise
    return {record.run_id: known[record.run_id] for record in records}


def batches(runs: Sequence[Any]) -> list[list[Any]]:
    """Divide runs into requests: of one project, with at most `MOST_RUNS` and some `MOST_ROWS`."""
    found: list[list[Any]] = []
    for _, of_project in groupby(runs, key=lambda run: (run.entity, run.project)):
        batch: list[Any] = []
        rows = 0
        for run in of_project:
            count = run.history_line_count or 0
            if batch and (len(batch) == MOST_RUNS or rows + count > MOST_ROWS):
                found.append(batch)
                batch, rows = [], 0
            batch.append(run)
            rows += count
        found.append(batch)
    return found


def _ask_for(client: Client, asked: Sequence[Sequence[Any]]) -> Iterator[dict[str, str]]:
    """Yield the histories of some batches as they arrive: run id -> its rows as one JSON list.

    The text is empty for a run that the server did not return: it may have been deleted meanwhile.

    Raises: the first error, after the requests on their way have been answered.
    """
    pool = ThreadPoolExecutor(THREADS)
    left = {pool.submit(_of_batch, client, batch) for batch in asked}
    failed: Future[dict[str, str]] | None = None
    try:
        for future in as_completed(left):
            if future.exception():
                failed = future
                break
            left.remove(future)
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)  # once the server is lost, the others would only wait for it too
    for future in left:
        if not future.cancelled() and not future.exception():
            yield future.result()
    if failed:
        failed.result()


def _of_batch(client: Client, runs: Sequence[Any]) -> dict[str, str]:
    variables = {
        "entity": runs[0].entity,
        "project": runs[0].project,
        "filters": json.dumps({"name": {"$in": [run.id for run in runs]}}),
        "first": len(runs),
        "samples": SAMPLES,
    }
    project: Mapping[str, Any] = client.send_until_answered(QUERY, variables, START_ATTEMPTS)["project"] or {}
    nodes = [edge["node"] for edge in (project.get("runs") or {"edges": ()})["edges"]]
    found = {node["name"]: f"[{','.join(node['history'] or ())}]" for node in nodes}
    return {run.id: found.get(run.id, "") for run in runs}
