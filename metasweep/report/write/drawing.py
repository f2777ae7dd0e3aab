"""Writes figures to files, on all cores. It imports little, since every drawing process imports it again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from metasweep.report import figures
from metasweep.report.sections.section import Chart

Progress = Callable[[int, int], None]


def write_charts(
    charts: Sequence[Chart], folder: Path, progress: Progress = lambda _done, _all: None
) -> list[Path]:
    """Draw figures with one process per core: SVG in both themes and PNG in light.

    Matplotlib does not profit from threads.
    """
    workers = min(available_cores(), len(charts))
    if workers < 2:
        return [path for chart in charts for path in write_chart(chart, folder)]
    # Not a forkserver: the path of its socket is too long where TMPDIR is, as in many batch jobs.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(write_chart, chart, folder) for chart in charts]
        for done, _ in enumerate(as_completed(jobs), 1):
            progress(done, len(charts))
        return [path for job in jobs for path in job.result()]


def write_chart(chart: Chart, folder: Path) -> list[Path]:
    """Draw one figure."""
    return figures.save_themes(lambda theme: chart.draw(theme=theme), folder / chart.name, chart.title)


def available_cores() -> int:
    """Return the cores that this process may use; in a batch job fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
