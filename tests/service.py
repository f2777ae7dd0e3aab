"""The service of the wandb client in the tests' own process."""

import os
import signal
import threading

import wandb

from tests.agent.processes import children, command

PATIENCE = 60  # seconds


def leave() -> None:
    """Call wandb.teardown(), which waits for the service without limit.

    A service that stays is ended by SIGQUIT, at which it prints what it was doing.
    """
    insist = threading.Timer(PATIENCE, _end)
    insist.start()
    try:
        wandb.teardown()
    finally:
        insist.cancel()


def _end() -> None:
    for pid in children(os.getpid()):
        if "wandb-core" in command(pid):
            os.kill(pid, signal.SIGQUIT)
