"""Reading sweeps through `wandb.Api`: one call per sweep, one per page of runs, some for their histories.

A project is read whole: all its sweeps and the runs of no sweep, which become a `Sweep` of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
import wandb
from wandb.errors import CommError

from metasweep.client.account import local_hint
from metasweep.client.runs import read_runs
from metasweep.client.transport import Refused, Unreachable
from metasweep.report.base.errors import AnalysisError
from metasweep.report.read.cache import HistoryCache
from metasweep.report.read.connection import beside
from metasweep.report.read.histories import Progress, read_histories
from metasweep.report.read.metrics import NOTHING_ASKED, find_metrics
from metasweep.report.read.quantities import Asked, Quantity
from metasweep.report.read.records import RunRecord, assemble, loose_runs
from metasweep.report.read.study import Study, Sweep
from metasweep.sweeps.metric import look_up

BASELINE = "baseline"  # job type of runs that trained nothing; they are not part of a project's study


def _server_errors() -> tuple[type[Exception], ...]:
    """Return the errors that the client raises after its own retries; newer clients use a service."""
    known: tuple[type[Exception], ...] = (CommError, requests.RequestException, TimeoutError)
    try:
        from wandb.sdk.lib.service.service_connection import WandbApiFailedError
    except ImportError:
        return known
    return (*known, WandbApiFailedError)


SERVER_ERRORS = _server_errors()
NOT_FOUND: tuple[type[Exception], ...] = (*SERVER_ERRORS, ValueError)
LOST: tuple[type[Exception], ...] = (*SERVER_ERRORS, Unreachable, Refused)


def read(
    api: wandb.Api,
    names: Sequence[str],
    cache: HistoryCache,
    progress: Progress = lambda _done, _all: None,
    asked: Asked = NOTHING_ASKED,
    seed: str | None = None,
    histories: bool = True,
) -> Study:
    """Read sweeps into one study: two requests, one more for every 500 runs, and their histories.

    Args:
        api: a connected client.
        names: ENTITY/PROJECT/ID, ENTITY/PROJECT (all its sweeps), an ID, or the URL of a sweep.
        cache: histories read before.
        progress: called as histories arrive.
        asked: what the user says about the metric.
        seed: the parameter that only repeats runs; None: found by its name.
        histories: whether to read them; otherwise only those of finished runs whose summary lacks the metric.

    Raises:
        AnalysisError: a sweep does not exist or no sweep has a run; the connection was lost.
    """
    sweeps: dict[str, Sweep] = {}
    found: dict[str, tuple[Sweep, Any]] = {}  # by address: a sweep may be named twice
    try:
        for name in names:
            here, runs = _of_project(api, name) if len(_parts(name)) == 2 else _of_sweep(api, name)
            sweeps.update({sweep.path: sweep for sweep in here})
            found.update({run.url: (sweep, run) for sweep, run in runs})
        if not found:
            raise AnalysisError(f"{', '.join(names)} has no runs yet: start an agent first.")
        records = [_record(sweep, run) for sweep, run in found.values()]
        wanted = list(range(len(records)))
        if not histories:
            configs = [sweep.config for sweep in sweeps.values()]
            wanted = lacking(find_metrics(configs, records, {}, asked).chosen_by, records)
        of_runs = [run for _, run in found.values()]
        rows = read_histories(
            beside(api),
            [of_runs[index] for index in wanted],
            [records[index] for index in wanted],
            cache,
            progress,
        )
    except LOST as error:
        raise AnalysisError(
            f"Lost the server while reading ({_first_line(error)}): run this again, what was read is kept."
        ) from error
    return assemble(list(sweeps.values()), records, rows, asked, seed)


Found = tuple[list[Sweep], list[tuple[Sweep, Any]]]  # sweeps, and their runs each with its sweep


def lacking(metric: Quantity, records: Sequence[RunRecord]) -> list[int]:
    """Return the indices of the finished runs whose summary lacks the metric; their histories may have it."""
    return [
        index
        for index, record in enumerate(records)
        if record.state == "finished" and look_up(record.summary, metric.name) is None
    ]


def _parts(name: str) -> list[str]:
    """ENTITY, PROJECT, ID of a name or an address."""
    parts = [part for part in urlsplit(name).path.strip("/").split("/") if part != "sweeps"]
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise AnalysisError(f"{name} names no sweep: write ENTITY/PROJECT/ID, or the address of its page.")
    return parts


def _hint(name: str, base_url: str) -> str:
    if name.endswith((".yaml", ".yml")):
        return ": a file is no sweep, name the one made from it"
    return ": write ENTITY/PROJECT/ID" if len(_parts(name)) < 3 else local_hint(base_url)


def _of_sweep(api: wandb.Api, name: str) -> Found:
    try:
        sweep = _sweep(api.sweep("/".join(_parts(name))))
    except NOT_FOUND as error:
        url = api.settings["base_url"]
        raise AnalysisError(f"there is no sweep {name} at {url}{_hint(name, url)}") from error
    project, _, sweep_id = sweep.path.rpartition("/")
    return [sweep], [(sweep, run) for run in read_runs(api, project, {"$and": [{"sweep": sweep_id}]})]


def _of_project(api: wandb.Api, name: str) -> Found:
    entity, project = _parts(name)
    path = f"{entity}/{project}"
    try:
        sweeps = [_sweep(sweep) for sweep in api.project(project, entity=entity).sweeps()]
        runs = [run for run in read_runs(api, path, {}) if run.job_type != BASELINE]
    except NOT_FOUND as error:
        url = api.settings["base_url"]
        raise AnalysisError(f"there is no project {path} at {url}{local_hint(url)}") from error
    by_id = {sweep.id: sweep for sweep in sweeps}
    alone = [run for run in runs if run.sweep_name not in by_id]
    loose = loose_runs(path, f"{api.settings['base_url']}/{path}", [run.config for run in alone])
    found = [(by_id.get(run.sweep_name, loose), run) for run in runs]
    return [*sweeps, *([loose] if alone else [])], found


def _sweep(sweep: Any) -> Sweep:
    return Sweep(
        path="/".join([sweep.entity, sweep.project, sweep.id]),
        name=sweep.name,
        url=sweep.url,
        state=str(sweep.state),
        config=sweep.config,
    )


def _record(sweep: Sweep, run: Any) -> RunRecord:
    return RunRecord(
        run_id=run.id,
        name=run.name or run.id,
        url=run.url,
        sweep_id=sweep.id,
        state=run.state,
        created_at=run.created_at,
        updated_at=run.heartbeat_at or run.created_at,
        config=run.config,
        summary=run.summary_metrics or {},
        commit=run.commit or "",
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
