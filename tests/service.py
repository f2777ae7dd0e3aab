"""The service of the wandb client in the tests' own process."""

import os
import signal
import threading

import wandb

from tests.agent.processes import children, command

PATIENCE = 60  # seconds


def leave() -> None:
    """Call wandb.teardown(). It waits for the service without limit, so a service that stays is ended.

    wandb-core 0.31 can stay on a busy machine. The client tells it to end, and closes the connection. A
    service that then cannot write an answer closes the connection too, with all that it has not read yet
    (core/pkg/server/connection.go, processOutgoingData). The answers are those to forgotten histories.
    """
    ended: list[int] = []
    insist = threading.Timer(PATIENCE, _end, [ended])
    insist.start()
    try:
        wandb.teardown()
    except SystemExit:  # with the status of a service that failed
        if not ended:
            raise
    finally:
        insist.cancel()


def _end(ended: list[int]) -> None:
    for pid in children(os.getpid()):
        if "wandb-core" in command(pid):
            ended.append(pid)
            os.kill(pid, signal.SIGQUIT)
