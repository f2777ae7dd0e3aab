"""Far from the server, the next run begins while another is trained, and waits for its turn."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests.agent.conftest import Play, by_state, each_once
from tests.waiting import PATIENCE, wait_until

NOTES = """
    import json, sys, time, wandb
    x = int(sys.argv[1][4:])
    def note(what):
        with open("notes", "a") as file:
            file.write(json.dumps([what, x, time.time()]) + "\\n")
    note("started")
    with wandb.init(resume="allow") as run:
        note("trains")
        for step in range(8):
            run.log({"score": step}, step=step)
            time.sleep(0.5)
        note("trained")
"""


def notes(folder: Path) -> dict[str, list[Any]]:
    """What -> [x, when] in the order in which it happened."""
    found: dict[str, list[Any]] = {"started": [], "trains": [], "trained": []}
    for line in (folder / "notes").read_text().splitlines():
        what, *rest = json.loads(line)
        found[what].append(rest)
    return found


def test_the_next_run_begins_while_another_is_trained_and_waits_for_its_turn(play: Play) -> None:
    with play(round_trip=0.1) as (workshop, cloud):
        code, output = workshop.agent(workshop.sweep(NOTES, values=9), "--workers", "1")
        assert code == 0, output
        assert by_state(workshop, cloud, output) == each_once(9)
        seen = notes(workshop.folder)
        trained = [when for _, when in seen["trained"]]
        assert all(begins >= over for (_, begins), over in zip(seen["trains"][1:], trained, strict=False))
        early = [began < over for (_, began), over in zip(seen["started"][1:], trained, strict=False)]
        assert any(early)
        assert not early[-1]  # few points are left, so each is left to whichever worker is free


def test_a_run_that_waits_for_its_turn_is_released(play: Play) -> None:
    with play(round_trip=0.1) as (workshop, cloud):
        agent = workshop.start(workshop.sweep(NOTES, values=9), "--workers", "1")

        def one_waits() -> bool:
            if not (workshop.folder / "notes").exists():
                return False
            seen = notes(workshop.folder)
            return len(seen["started"]) > len(seen["trains"]) == len(seen["trained"]) + 1 > 2

        wait_until(one_waits, PATIENCE)
        agent.send_signal(signal.SIGTERM)
        output, _ = agent.communicate(timeout=PATIENCE)
        assert agent.returncode == 3, output
        name = next(word for word in output.split() if word.count("/") == 2)
        code, said = workshop.agent(name, "--workers", "2")
        assert code == 0, said
        assert by_state(workshop, cloud, output) == each_once(9)
