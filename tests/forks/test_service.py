"""The wandb service that runs share, when it or the forkserver ends too early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from metasweep.forks.pool import Pool
from metasweep.forks.processes.program import parse
from metasweep.forks.ways import Choice, Way

# In a process of its own: the service is a fork, and pytest has threads.
SERVICE_DIES = """
import os, signal
from metasweep.forks.services.service import Service
service = Service([])
assert service.token
os.kill(service.pid, signal.SIGKILL)
os.waitpid(service.pid, 0)
service.leave()
assert service.file_descriptors == [], "what a child would close"
service.close()
"""


def test_a_service_that_has_died_is_told_to_leave_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", SERVICE_DIES], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


def test_a_forkserver_that_is_killed_has_not_left_in_order(tmp_path: Path) -> None:
    program = parse([sys.executable, "-m", "this"])
    pool = Pool(program, Choice(Way.COLD, ""), os.environ, tmp_path / "log")
    os.kill(pool._process.pid, signal.SIGSTOP)  # so that it cannot leave before it is killed
    os.kill(pool._process.pid, signal.SIGKILL)
    assert not pool.leave(60)
