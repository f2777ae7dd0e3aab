"""Where an agent is started: with a proxy, without a terminal, before its server, with wandb's mode set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metasweep.client.proxies import goes_through_proxy
from tests.agent.conftest import ROOT, Workshop

DEAD = "http://127.0.0.1:9"
PROXY = {"http_proxy": DEAD, "HTTPS_PROXY": DEAD, "NO_PROXY": "intranet.example.org"}


def test_a_proxy_is_for_others_not_for_this_machine(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in PROXY.items():
        monkeypatch.setenv(name, value)
    assert goes_through_proxy("https://api.wandb.ai")
    assert not goes_through_proxy(workshop.environ["WANDB_BASE_URL"])
    assert not goes_through_proxy("http://localhost:8080")
    assert not goes_through_proxy("http://intranet.example.org")
    code, output = workshop.agent(workshop.sweep(), environ=PROXY)
    assert (code, [run.state for run in workshop.runs(output)]) == (0, ["finished"] * 3), output


def test_closed_standard_files_and_a_reader_who_leaves(workshop: Workshop) -> None:
    agent = f"{sys.executable} {ROOT / 'agent.py'} {workshop.sweep(values=1)}"
    for redirected in (f"{agent} 2>said >&-", f"{agent} <&- 2>said | true"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", redirected], cwd=workshop.folder, env=workshop.environ
        )
        said = (workshop.folder / "said").read_text()
        assert done.returncode == 0, said
        assert "1 of 1 runs done" in said
        assert "Traceback" not in said


def test_a_mode_that_keeps_runs_from_the_server_is_refused(workshop: Workshop) -> None:
    code, output = workshop.agent(workshop.sweep(), environ={"WANDB_MODE": "offline"})
    assert code == 2
    assert "unset it" in output
    assert "Traceback" not in output


def test_a_job_that_starts_before_its_server_waits_for_it(own_server: Any, tmp_path: Path) -> None:
    environ = os.environ | own_server.env | {"WANDB_DIR": str(tmp_path)}
    workshop = Workshop(tmp_path, environ)
    own_server.stop()
    early = workshop.start(
        workshop.sweep(), environ={"SLURM_JOB_ID": "7", "SLURM_JOB_END_TIME": "9999999999"}
    )
    assert early.stdout
    assert "does not answer (connection refused)" in early.stdout.readline()
    own_server.start()
    output, _ = early.communicate(timeout=240)
    assert early.returncode == 0, output
    assert "3 of 3 runs done" in output
