"""Reports to the server how a run ended whose process died before it could do so."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from metasweep.forks.children import Child
from metasweep.forks.processes import main_module
from metasweep.forks.services import service

REPORTED, NOT_OPEN = 0, 2
"""Exit codes of the reporting process; any other means that it could not report."""


def tell_server(dead: Child, token: str) -> NoReturn:
    """In a process of its own: end the run at the shared wandb service, and exit."""
    main_module.redirect(dead.start.log)
    os.environ.update(dead.start.environ | {service.VARIABLE: token})
    told = service.report_dead_run(dead.start.run_id, exit_code(dead.status) or 1, is_preempted(dead))
    os._exit(REPORTED if told else NOT_OPEN)


def exit_code(status: int) -> int:
    """Return a status as a shell shows it: 128 and the signal, if one has ended the process."""
    return status if status >= 0 else 128 - status


def is_preempted(dead: Child) -> bool:
    """Return whether the run will be continued: the agent or the batch system told it to end."""
    told_to_end = dead.told_to_end or dead.status == -signal.SIGTERM
    return told_to_end and not dead.stopped_for_good
