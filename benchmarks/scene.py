"""The surroundings of a bench: an embedded server of its own, and sweeps on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

START_SECONDS = 30


@contextmanager
def embedded_server() -> Iterator[dict[str, str]]:
    """Run a server on a free port and a fresh data directory; yield the environment of its clients."""
    with tempfile.TemporaryDirectory(prefix="metasweep-bench-") as folder:
        data_dir = Path(folder) / "server"
        command = [
            sys.executable,
            "-m",
            "metasweep",
            "server",
            "serve",
            "--port",
            "0",
            "--server-dir",
            str(data_dir),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield client_environment(_wait_for_address(data_dir, process), data_dir, Path(folder))
        finally:
            process.terminate()
            process.wait()


def client_environment(url: str, data_dir: Path, home: Path) -> dict[str, str]:
    """The environment in which the wandb client talks to that server and to nobody else."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return {
        **inherited,  # without the user's settings, and without the wandb service of another part
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": (data_dir / "key").read_text(encoding="utf-8").strip(),
        "WANDB_DIR": str(home),
        "WANDB_CACHE_DIR": str(home),
        "WANDB_CONFIG_DIR": str(home),
        "WANDB_SILENT": "true",
        "OMP_NUM_THREADS": "1",
    }


def server_peak_mb(environment: Mapping[str, str]) -> float:
    """The most memory that the server of this environment has held so far, in MB. Linux."""
    status = (_server_process(environment) / "status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1000  # type: ignore[index]


def server_cpu_seconds(environment: Mapping[str, str]) -> float:
    """The processor time that the server of this environment has taken so far. Linux."""
    fields = (_server_process(environment) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system time


def _server_process(environment: Mapping[str, str]) -> Path:
    address = Path(environment["WANDB_DIR"]) / "server" / "server.json"
    return Path("/proc") / str(json.loads(address.read_text(encoding="utf-8"))["pid"])


def create_sweep(config: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Create a sweep as a user does, with `wandb sweep`; return ENTITY/PROJECT/ID."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(dict(config), file)
        file.flush()
        command = ["wandb", "sweep", file.name]
        env = {**environment, "WANDB_SILENT": "false"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    match = re.search(r"wandb agent (\S+)", done.stdout + done.stderr)
    if match is None:
        raise RuntimeError(f"`wandb sweep` named no sweep: {done.stderr}")
    return match.group(1)


def _wait_for_address(data_dir: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    address = data_dir / "server.json"
    while not address.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start (exit code {process.poll()})")
        time.sleep(0.05)
    return str(json.loads(address.read_text(encoding="utf-8"))["url"])
