"""Which records the agent says it could not send."""

import os
import signal
from pathlib import Path

from metasweep.agent.runs import unsent
from tests.agent.conftest import Workshop
from tests.conftest import ServerProcess
from tests.waiting import PATIENCE, wait_until

LONG = """
    import argparse, time
    import wandb

    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=int, required=True)
    parser.parse_args()
    with wandb.init(resume="allow") as run:
        for step in range(4000):
            run.log({"score": step})
            time.sleep(0.05)
"""


def test_a_run_that_was_sent_and_is_taken_up_again_is_named_if_the_server_goes_away(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    workshop = Workshop(tmp_path, os.environ | own_server.env | {"WANDB_DIR": str(tmp_path)})
    folder = tmp_path / "wandb"

    def written(attempts: int) -> bool:
        found = [run for run in folder.glob("run-*-*") if unsent.has_records(run)] if folder.exists() else []
        return len(found) == attempts

    first = workshop.start(workshop.sweep(LONG, values=1), "--workers", "1")
    wait_until(lambda: written(1), PATIENCE)
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=PATIENCE)
    assert "all was sent" in output
    assert unsent.unsent(folder) == []
    sweep = next(word for word in output.split() if word.count("/") == 2)

    second = workshop.start(sweep, "--workers", "1")
    wait_until(lambda: written(2), PATIENCE)
    own_server.kill()
    second.send_signal(signal.SIGTERM)
    output, _ = second.communicate(timeout=PATIENCE)
    (left,) = unsent.unsent(folder)
    (command,) = [line for line in output.splitlines() if "send the rest with" in line]
    assert command.endswith(f" {left}")
    assert left == sorted(folder.glob("run-*-*"))[-1]
