"""How many workers share a GPU: as many as fit, by the memory that the first run takes."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click

from metasweep.agent.workers.fleet import Fleet
from metasweep.batch.job import cards

USABLE = 0.95  # of the memory that is free before the first run: what is asked for in pieces leaves gaps
SAMPLE_SECONDS = 0.5
ASK_SECONDS = 10.0
QUERY = ["nvidia-smi", "--query-gpu=memory.total,memory.used", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Memory:
    """Memory of a GPU, in MiB."""

    total: float
    used: float


def ask_gpu(environ: Mapping[str, str]) -> Memory | None:
    """Return the memory of the first GPU that the job was given, or None without one."""
    given = cards(environ)
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
    """Return the values of CUDA_VISIBLE_DEVICES for workers that share the job's cards, `per_run` each.

    Empty where nothing says which cards there are.

    Raises: click.UsageError, if the job has not so many.
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
    """Return how many runs fit (`most` at most) if one has raised what is used to `peak` MiB."""
    need = peak - before.used
    free = USABLE * (before.total - before.used)
    return max(1, min(most, int(free // need))) if need > 0 else most


class Packing(threading.Thread):
    """Watches the GPU during the first run; when that has finished, starts the workers that fit beside it."""

    def __init__(
        self,
        fleet: Fleet,
        probe: Callable[[], Memory | None],
        before: Memory,
        most: int,
        report: Callable[[str], None],
        cards: int = 1,
    ) -> None:
        """`most` workers at all, on so many `cards` that are alike."""
        super().__init__(name="packing", daemon=True)
        self._fleet, self._probe, self._before, self._most = fleet, probe, before, most
        self._report, self._cards = report, cards

    def run(self) -> None:
        """Measure, then start."""
        fleet, peak = self._fleet, self._before.used
        while not fleet.shared.finished:
            if fleet.shared.stop.wait(SAMPLE_SECONDS) or not fleet.is_working:
                return
            now = self._probe()
            peak = max(peak, now.used if now else 0.0)
        number = min(self._most, self._cards * fitting(self._before, peak, self._most))
        taken = peak - self._before.used
        on = "the GPU" if self._cards == 1 else f"one of {self._cards} GPUs"
        self._report(f"a run takes {taken:.0f} MiB of {on}: {number} workers")
        fleet.work(number - 1)
