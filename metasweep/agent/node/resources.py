"""The cores that this job may use, and the threads of each worker. What the machine has does not matter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from metasweep.batch.job import core_limits

CGROUP = Path("/sys/fs/cgroup")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def cores(environ: Mapping[str, str], cgroup: Path | None = None) -> int:
    """Return how many cores the job may use: the smallest of all limits.

    `cgroup` is the folder of the control group; by default the one of this process.
    """
    quotas = map(cgroup_quota, ancestors(cgroup or own_cgroup()))
    return min([len(os.sched_getaffinity(0)), *core_limits(environ), *(quota for quota in quotas if quota)])


def own_cgroup() -> Path:
    """Return the folder of this process's control group (version 2)."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return CGROUP
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    return CGROUP / own


def ancestors(cgroup: Path) -> list[Path]:
    """Return a control group and its parents. The limits of all of them apply."""
    return [cgroup, *(parent for parent in cgroup.parents if parent.is_relative_to(CGROUP))]


def cgroup_quota(cgroup: Path) -> int | None:
    """Return the cores that the control group allows, rounded up; None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, -(-int(quota) // int(period)))


def thread_environment(cores: int, workers: int) -> dict[str, str]:
    """Return the variables that give each worker its share of the cores as threads."""
    threads = str(max(1, cores // workers))
    return dict.fromkeys(THREAD_VARIABLES, threads)
