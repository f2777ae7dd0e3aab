"""How many workers share a GPU: as many as fit into its memory, measured on the first run."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click

from metasweep.agent.workers.fleet import Fleet
from metasweep.batch.job import gpus

USABLE = 0.95  # of the free memory before the first run; allocations in pieces leave gaps
SAMPLE_SECONDS = 0.5
ASK_SECONDS = 10.0
QUERY = ["nvidia-smi", "--query-gpu=memory.total,memory.used", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Memory:
    """Memory of a GPU, in MiB."""

    total: float
    used: float


def ask_gpu(environ: Mapping[str, str]) -> Memory | None:
    """Return the memory of the first GPU of the job; None without a GPU."""
    given = gpus(environ)
    if given == []:
        return None
    which = ["-i", given[0]] if given else []
    try:
        done = subprocess.run(
            [*QUERY, *which], capture_output=True, text=True, timeout=ASK_SECONDS, check=True
        )
        total, used = done.stdout.splitlines()[0].split(",")
        return Memory(float(total), float(used))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def share(given: list[str] | None, per_run: int) -> list[str]:
    """Return one value of CUDA_VISIBLE_DEVICES for each group of `per_run` GPUs of the job.

    Empty if nothing says which GPUs the job has.

    Raises: click.UsageError, if the job has fewer GPUs.
    """
    if not given:
        if per_run > 1:
            raise click.UsageError(f"--gpus-per-run {per_run}: this job was given no GPUs")
        return []
    if per_run > len(given):
        raise click.UsageError(f"--gpus-per-run {per_run}: this job was given {len(given)}")
    starts = range(0, len(given) - per_run + 1, per_run)
    return [",".join(given[start : start + per_run]) for start in starts]


def fitting(before: Memory, peak: float, most: int) -> int:
    """Return how many runs fit, at most `most`, if one run raises the used memory to `peak` MiB."""
    need = peak - before.used
    free = USABLE * (before.total - before.used)
    return max(1, min(most, int(free // need))) if need > 0 else most


class Packing(threading.Thread):
    """Watches the GPU during the first run. When that has finished, starts as many more workers as fit."""

    def __init__(
        self,
        fleet: Fleet,
        probe: Callable[[], Memory | None],
        before: Memory,
        most: int,
        report: Callable[[str], None],
        gpus: int = 1,
    ) -> None:
        """Start at most `most` workers in all, on this number of equal `gpus`."""
        super().__init__(name="packing", daemon=True)
        self._fleet, self._probe, self._before, self._most = fleet, probe, before, most
        self._report, self._gpus = report, gpus

    def run(self) -> None:
        """Measure, then start the workers."""
        fleet, peak = self._fleet, self._before.used
        while not fleet.shared.finished:
            if fleet.shared.stop.wait(SAMPLE_SECONDS) or not fleet.is_working:
                return
            now = self._probe()
            peak = max(peak, now.used if now else 0.0)
        number = min(self._most, self._gpus * fitting(self._before, peak, self._most))
        taken = peak - self._before.used
        on = "the GPU" if self._gpus == 1 else f"one of {self._gpus} GPUs"
        self._report(f"a run takes {taken:.0f} MiB of {on}: {number} workers")
        fleet.work(number - 1)
