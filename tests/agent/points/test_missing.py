"""--missing: exactly the points without a finished run, shared by agents without overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from metasweep.agent.points.missing import Missing
from metasweep.client.account import Account
from metasweep.client.protocol import Client, Made, SweepName
from metasweep.client.sweep import Sweep
from tests.agent.conftest import Workshop
from tests.waiting import PATIENCE

FAILS_AT_FIRST = """
    import pathlib, sys, time, wandb
    x = int(sys.argv[1][4:])
    mended = pathlib.Path("mended").exists()
    with wandb.init() as run:
        run.log({"score": x})
        open(f"tried-{x}", "a").write(run.id + "\\n")
        pathlib.Path(f"at-{x}").touch(exist_ok=False)  # raises if another run is at this point
        time.sleep(0.2)
        pathlib.Path(f"at-{x}").unlink()
        if x % 2 and not mended: sys.exit(1)
"""


def test_agents_share_the_missing_points(forgetful: Workshop) -> None:
    workshop = forgetful
    sweep = workshop.sweep(FAILS_AT_FIRST, values=8)
    _, output = workshop.agent(sweep, "--workers", "2", "--max-failures", "0")
    assert "4 failed" in output
    name = next(word for word in output.split() if word.count("/") == 2)
    before = {x: len((workshop.folder / f"tried-{x}").read_text().split()) for x in range(8)}
    assert "4 of 8 runs done" in output
    code, said = workshop.agent(name, "--workers", "1")
    assert code == 0
    assert "points that are not finished, and that the server does not offer again: 4" in said
    assert f"to run what is missing: metasweep agent {name} --missing" in said
    workshop.write("mended", "")
    agents = [workshop.start(name, "--missing", "--workers", "2") for _ in range(3)]
    results = [(agent.communicate(timeout=PATIENCE)[0], agent.returncode) for agent in agents]
    assert [code for _, code in results] == [0, 0, 0], results
    finished = Counter(run.config["x"] for run in workshop.runs(output) if run.state == "finished")
    assert finished == dict.fromkeys(range(8), 1)
    after = {x: len((workshop.folder / f"tried-{x}").read_text().split()) for x in range(8)}
    assert {x: after[x] - before[x] for x in range(8)} == {x: x % 2 for x in range(8)}


def test_only_a_grid_has_missing_points(workshop: Workshop) -> None:
    sweep = workshop.sweep(method="random", parameters={"x": {"values": [1, 2]}})
    code, output = workshop.agent(sweep, "--missing")
    assert code == 2
    assert "--missing and --extend are for a grid; sweep.yaml is a random search" in output
    assert "sweep root/" not in output, "none is made in vain"


class OneRun(Client):
    """A server that knows one run, of the only point."""

    def __init__(self, state: str) -> None:
        super().__init__(Account("http://127.0.0.1:9", "key"))
        self.state = state

    def runs(self, *_: Any, **__: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
        yield "first", self.state, {"x": 1}

    def make_run(self, *_: Any, **__: Any) -> Made:
        return "ours"


def test_a_preempted_run_is_left_to_the_server() -> None:
    client = OneRun("preempted")
    sweep = Sweep(SweepName("e", "p", "s"), {"method": "grid", "parameters": {"x": {"values": [1]}}})
    missing = Missing(client, sweep)
    assert missing.claim() is None
    assert missing.undecided  # it was preempted just now: another agent may get it with its next request
    client.state = "running"
    assert missing.claim() is None
    assert not missing.undecided
    client.state = "preempted"
    assert missing.claim() is None
    assert missing.claim() is not None  # the server had nothing to offer, twice
    assert not missing.undecided
