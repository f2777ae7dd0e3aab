"""--missing: exactly the points without a finished run, shared by agents without overlap."""

from __future__ import annotations

from collections import Counter

from tests.agent.conftest import Workshop

FAILS_AT_FIRST = """
    import pathlib, sys, wandb
    x = int(sys.argv[1][4:])
    mended = pathlib.Path("mended").exists()
    with wandb.init() as run:
        run.log({"score": x})
        open(f"tried-{x}", "a").write(run.id + "\\n")
        if x % 2 and not mended: sys.exit(1)
"""


def test_agents_share_the_missing_points(workshop: Workshop) -> None:
    sweep = workshop.sweep(FAILS_AT_FIRST, values=8)
    _, output = workshop.agent(sweep, "--workers", "2", "--max-failures", "0")
    name = next(word for word in output.split() if word.count("/") == 2)
    before = {x: len((workshop.folder / f"tried-{x}").read_text().split()) for x in range(8)}
    assert "4 of 8 runs done" in output
    workshop.write("mended", "")
    agents = [workshop.start(name, "--missing", "--workers", "2") for _ in range(2)]
    results = [(agent.communicate(timeout=120)[0], agent.returncode) for agent in agents]
    assert [code for _, code in results] == [0, 0], results
    finished = Counter(run.config["x"] for run in workshop.runs(output) if run.state == "finished")
    assert finished == dict.fromkeys(range(8), 1)
    after = {x: len((workshop.folder / f"tried-{x}").read_text().split()) for x in range(8)}
    assert {x: after[x] - before[x] for x in range(8)} == {x: x % 2 for x in range(8)}


def test_only_a_grid_has_missing_points(workshop: Workshop) -> None:
    sweep = workshop.sweep(method="random", parameters={"x": {"values": [1, 2]}})
    code, output = workshop.agent(sweep, "--missing")
    assert code == 2
    assert "--missing is for a grid" in output
