"""The options of the sweep's interpreter hold in a fork too."""

from __future__ import annotations

from tests.agent.conftest import Workshop

PROGRAM = """
    import os, signal, sys
    assert False, "-O leaves this out"
    print(sys.flags.optimize, __debug__, end=" ")
    os.kill(os.getpid(), signal.SIGKILL)  # only what was not buffered is written
"""


def test_assertions_and_buffers_are_as_the_command_says(workshop: Workshop) -> None:
    command = ["${env}", "python", "-O", "-u", "program.py", "${args}"]
    name = workshop.sweep(PROGRAM, values=1, command=command)
    _, output = workshop.agent(name, "--workers", "1", "--count", "1")
    assert "runs are forked" in output
    assert list(workshop.logs().values()) == ["1 False "]
