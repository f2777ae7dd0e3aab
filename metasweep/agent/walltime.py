"""How long this job may still run, and whether another run fits into that."""

from __future__ import annotations

import json
import random
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

MARGIN = 1.25  # a run may take so much longer than the longest of those seen
LEAVING_SECONDS = 15.0  # to flush, sign off and clean up
ASK_SECONDS = 10.0
ASK_ATTEMPTS = 3  # a hundred jobs that start together ask at the same time
RETRY_SECONDS = (1.0, 5.0)


class Walltime:
    """The time left and the durations seen. Thread-safe."""

    def __init__(self, seconds: float | None, durations: Sequence[float] = ()) -> None:
        """`seconds` is the time left now (None: no limit), `durations` those of runs on other machines."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._elsewhere = list(durations)
        self._here: list[float] = []
        self._lock = threading.Lock()

    def note(self, seconds: float) -> None:
        """Learn how long a run took here."""
        with self._lock:
            self._here.append(seconds)

    def learn(self, durations: Sequence[float]) -> None:
        """Learn how long runs took on other machines."""
        with self._lock:
            self._elsewhere = list(durations)

    @property
    def left(self) -> float | None:
        """Seconds left, or None for no limit."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def estimate(self) -> float | None:
        """Return how long a run will take at most: what was seen here, or else elsewhere, and a margin."""
        with self._lock:
            seen = self._here if len(self._here) >= 3 else self._here + self._elsewhere
            return MARGIN * max(seen) if seen else None

    def fits(self) -> bool:
        """Whether there is time for another run; the first one is always tried."""
        left = self.left
        return left is None or left > (self.estimate() or 0.0) + LEAVING_SECONDS

    def __str__(self) -> str:
        """The time left against the time that a run takes."""
        return f"{clock(self.left or 0.0)} left, a run takes up to {clock(self.estimate() or 0.0)}"


def clock(seconds: float) -> str:
    """Return seconds as H:MM:SS."""
    minutes, seconds = divmod(max(0, int(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def parse(text: str) -> float:
    """Read [D-]H:M:S, H:M or seconds.

    Raises: ValueError.
    """
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(?:(\d+):)?(\d+)", text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time: write H:M:S")
    days, first, second, last = match.groups()
    if first is None:
        return float(last)
    hours, minutes, seconds = (first, second, last) if second is not None else (first, last, "0")
    return float((int(days or 0) * 24 + int(hours)) * 3600 + int(minutes) * 60 + int(seconds))


def in_batch_job(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of a batch system, which has a limit."""
    return "PBS_JOBID" in environ or "SLURM_JOB_ID" in environ


def ask_scheduler(environ: Mapping[str, str]) -> float | None:
    """Return the seconds that the batch system leaves this job, or None outside of one (or if it is mute)."""
    if job := environ.get("PBS_JOBID"):
        return ask_pbs(job)
    if "SLURM_JOB_END_TIME" in environ:
        return float(environ["SLURM_JOB_END_TIME"]) - time.time()
    if job := environ.get("SLURM_JOB_ID"):
        answer = output_of(["squeue", "-h", "-j", job, "-o", "%L"])
        return parse(answer) if answer and re.fullmatch(r"[\d:-]+", answer) else None
    return None


def ask_pbs(job: str) -> float | None:
    """Return the limit less the time since the start: what PBS reports as used lags behind."""
    answer = output_of(["qstat", "-f", "-F", "json", job])
    if not answer:
        return None
    try:
        described = next(iter(json.loads(answer)["Jobs"].values()))
        limit = parse(str(described["Resource_List"]["walltime"]))
        began = time.mktime(time.strptime(described["stime"], "%a %b %d %H:%M:%S %Y"))
    except (KeyError, ValueError, StopIteration):
        return None
    return limit - (time.time() - began)


def output_of(command: list[str]) -> str | None:
    """Return what a command of the batch system says, or None if it cannot."""
    for attempt in range(ASK_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(*RETRY_SECONDS))
        try:
            return subprocess.check_output(
                command, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True, timeout=ASK_SECONDS
            ).strip()
        except subprocess.SubprocessError:
            continue
        except OSError:
            return None
    return None
