"""Studies of made-up runs as the API returns them, each run changed as a test wishes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from metasweep.report.read.records import RunRecord, assemble
from metasweep.report.read.study import Study, Sweep

GRID = {"model": ["dense", "cnn"], "lr": [0.1, 0.001], "dp": [0, 0.5], "seed": [1, 2, 3]}
CLASSES = {"train": [60, 40], "val": [6, 4], "test": [10, 10]}
Change = Callable[[int, dict[str, Any]], None]  # index and parts of a run, changed in place


def made_up_run(index: int, point: Mapping[str, Any]) -> dict[str, Any]:
    """A run as the API returns it: `state`, `config`, `summary`, `history`."""
    reached = 0.5 if point["lr"] < 0.01 else (0.96 if point["model"] == "cnn" else 0.9) - 0.02 * point["dp"]
    history = []
    for epoch in (1, 2):
        accuracy = reached - 0.1 * (2 - epoch) + 0.001 * point["seed"] + 0.0001 * (index % 5)
        row = {f"{split}/acc": accuracy for split in ("train", "val", "test")}
        row |= {f"{split}/loss": 1 - accuracy for split in ("train", "val", "test")}
        history.append({**row, "epoch": epoch, "_step": 10 * epoch})
    config = {**point, "class_counts": CLASSES, "class_names": ["no", "yes"]}
    return {"state": "finished", "config": config, "summary": dict(history[-1]), "history": history}


def study_of(
    change: Change = lambda _index, _run: None, grid: Mapping[str, list[Any]] = GRID, method: str = "grid"
) -> Study:
    """The runs of a grid, each changed, put together as what the API returned is."""
    config = {
        "method": method,
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {name: {"values": values} for name, values in grid.items()},
    }
    url = "http://127.0.0.1:8080/team/toy"
    sweep = Sweep("team/toy/abc", "toy", f"{url}/sweeps/abc", "FINISHED", config)
    records, histories = [], {}
    for index, values in enumerate(itertools.product(*grid.values())):
        run = made_up_run(index, dict(zip(grid, values, strict=True)))
        change(index, run)
        name, time = f"run{index:03}", f"2026-01-01T00:{index:02}:00Z"
        records.append(
            RunRecord(
                run_id=name,
                name=name,
                url=f"{url}/runs/{name}",
                sweep_id="abc",
                state=run["state"],
                created_at=time,
                updated_at=time.replace(":00Z", ":30Z"),
                config=run["config"],
                summary=run["summary"],
                commit="",
            )
        )
        histories[name] = run["history"]
    return assemble([sweep], records, histories)


def logged(run: dict[str, Any], key: str, value: Any) -> None:
    """As if the run had always logged this value under a key."""
    for row in (run["summary"], *run["history"]):
        row[key] = value
