"""No process of ours opens a GPU before a run does. A driver that notes who asks it stands in for one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agent.conftest import Workshop

DRIVER = """
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    int cuDriverGetVersion(int *version) { *version = 99000; return 0; }
    int cuInit(unsigned flags) {
        FILE *file = fopen(getenv("OPENED"), "a");
        if (file) { fprintf(file, "%d\\n", getpid()); fclose(file); }
        return 100;  // there is no device
    }
"""
PROGRAM = """
    import argparse, os, torch, wandb
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=int)
    x = parser.parse_args().x
    with wandb.init() as run:
        begun = torch.cuda.is_initialized()
        run.log({"score": torch.randn(3).sum().item(), "begun": begun, "pid": os.getpid()})
        if x == 2:
            torch.cuda.is_available()
"""
OPENS = """
    import sys
    def warm_up(arguments):
        # a file that is everywhere stands in for the card's
        sys.modules["metasweep.forks.processes.early_imports"].GPU_FILES = ("/dev/zero",)
        globals()["card"] = open("/dev/zero")
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_only_the_run_that_asks_for_a_gpu_opens_it(workshop: Workshop) -> None:
    torch = pytest.importorskip("torch")
    if not torch.version.cuda or Path("/dev/nvidiactl").exists():
        pytest.skip("needs a torch for CUDA, and no card")
    source = workshop.write("driver.c", DRIVER)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", workshop.folder / "libcuda.so.1", str(source)], check=True
    )
    opened = workshop.folder / "opened"
    environ = {"LD_LIBRARY_PATH": str(workshop.folder), "OPENED": str(opened)}
    code, output = workshop.agent(workshop.sweep(PROGRAM, values=3), "--workers", "1", environ=environ)
    assert code == 0, output
    assert "runs are forked from a process that has imported torch, wandb" in output
    runs = {run.config["x"]: run.summary for run in workshop.runs(output)}
    assert [runs[x]["begun"] for x in range(3)] == [False] * 3
    assert opened.read_text().split() == [str(runs[2]["pid"])]


def test_a_warm_up_that_opens_a_gpu_is_not_forked(workshop: Workshop) -> None:
    (workshop.folder / "own").mkdir()
    workshop.write("own/__init__.py", OPENS)
    workshop.write("own/train.py", "import wandb; wandb.init().log({'score': 1})")
    command = ["${env}", "python", "-m", "own.train"]
    code, output = workshop.agent(workshop.sweep(command=command), "--workers", "1")
    assert code == 0, output
    assert (
        "each run gets a new process, started ahead of it: what is imported ahead has opened a GPU" in output
    )
