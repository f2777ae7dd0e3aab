"""Two runs of one point are distinguished by what they leave behind, and not by what always differs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import Any

import pytest

from metasweep.agent.runs.traces import Traces, differences, variables_of
from tests.agent.processes import ending
from tests.waiting import wait_until

ALONE = Traces(
    "check-alone", 0, 3.0, 200.0, "/tmp/run-check-alone.log",
    {"PATH": "/bin", "WANDB_RUN_ID": "check-alone", "WANDB_SWEEP_PARAM_PATH": "/tmp/config-check-alone.yaml"},
    {"executable": "/bin/python", "args": ["--x=1", "--out=out/check-alone"]},
    "finished", {"loss": 1, "_step": 3}, 4, {"model-check-alone"},
)  # fmt: skip


def rename(value: Any) -> Any:
    """Return what the run of another name would have left."""
    return type(value)(eval(repr(value).replace("alone", "ours"))) if isinstance(value, dict | set) else value


OURS = dataclasses.replace(
    ALONE, name="check-ours", seconds=0.2, memory=190.0, log="/tmp/run-check-ours.log",
    **{key: rename(getattr(ALONE, key)) for key in ("variables", "recorded", "files")},
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"variables": {}}, ""),  # it was not seen
        ({"variables": OURS.variables | {"PATH": "/usr/bin", "KEY": "a secret"}}, "another: KEY, PATH"),
        ({"recorded": OURS.recorded | {"executable": "/usr/bin/python"}}, "another: executable"),
        ({"summary": {"loss": 5, "_step": 9}}, ""),
        ({"summary": {"acc": 1}}, "alone it logs loss; by the agent acc"),
        ({"files": set()}, "alone it writes 1 files, by the agent 0"),
        ({"rows": 5}, "alone it logs 4 rows, by the agent 5"),
        ({"state": "crashed"}, "by the agent it is crashed (exit code 0); alone it is finished"),
    ],
)
def test_what_differs(change: dict[str, Any], words: str) -> None:
    found = differences(ALONE, dataclasses.replace(OURS, **change))
    assert len(found) == bool(words)
    assert words in "".join(found)
    assert "secret" not in "".join(found)


def test_the_variables_of_a_process() -> None:
    environ = {"WANDB_RUN_ID": "this", "LINES": "two\nlines", "SUM": "1+1=2", "EMPTY": ""}
    with ending(subprocess.Popen(["/bin/sleep", "100"], env=environ)) as process:
        wait_until(
            lambda: variables_of(process.pid, "this")
        )  # the kernel shows them a little after the start
        assert variables_of(process.pid, "this") == environ
        assert variables_of(process.pid, "other") == {}
        process.kill()
    assert variables_of(process.pid, "this") == {}
    assert variables_of(None, "this") == {}
    assert variables_of(os.getpid(), "this") == {}
