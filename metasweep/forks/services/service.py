"""The wandb service (`wandb-core`) that all runs of an agent share.

It has a process of its own, because wandb starts a thread beside it, and the forkserver must have no threads.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import traceback
from typing import Any, NoReturn

from metasweep.forks.processes.main_module import attach
from metasweep.forks.processes.process import PARENT_DIED, die_with_parent
from metasweep.forks.processes.shared_service import VARIABLE

# whether a run lists the installed packages, which takes 30 ms or more
SAVE_REQUIREMENTS = "WANDB_X_SAVE_REQUIREMENTS"
WATCH_SECONDS = 0.2
# exit code for a run that is still open when the service leaves; wandb's default would be a success
OPEN_RUN = 1


class Service:
    """A forked process that runs a wandb service.

    It ends the service when told to, or when its parent dies.
    """

    def __init__(self, close_in_child: list[int]) -> None:
        """Fork; in the child close the given file descriptors of the parent."""
        token_reader, token_writer = os.pipe()
        self._stay, self._leave = os.pipe()
        self._token: str | None = None
        self._token_reader = token_reader
        self.file_descriptors = [self._leave, token_reader]
        """Those that no other child may keep open: the service ends when the last copy is closed."""
        self.pid = os.fork()
        if self.pid == 0:
            for fd in [*close_in_child, token_reader, self._leave]:
                os.close(fd)
            own_service(token_writer, self._stay)
        os.close(token_writer)
        os.close(self._stay)

    @property
    def token(self) -> str:
        """The value of $WANDB_SERVICE that leads runs to the service; empty without one.

        Waits for the start.
        """
        if self._token is None:
            self.file_descriptors.remove(self._token_reader)
            with os.fdopen(self._token_reader) as reader:
                self._token = reader.read()
        return self._token

    def leave(self) -> None:
        """Ask the service to send what it still has, and to end."""
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            os.write(self._leave, b".")
        self.close()

    def close(self) -> None:
        """Close the pipe to the service, which ends if it has not been asked to."""
        if self._leave in self.file_descriptors:
            self.file_descriptors.remove(self._leave)
            os.close(self._leave)


class Follower(subprocess.Popen):
    """A process that the kernel kills when its parent ends.

    wandb's service has a session of its own, so that a batch system does not reach it. That lets it send what
    is left after everyone else got SIGTERM. It watches its parent itself, but no longer once it has begun to
    end; and that takes as long as its server does not answer.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options["preexec_fn"] = lambda: die_with_parent(signal.SIGKILL)
        super().__init__(*arguments, **options)


def own_service(token_writer: int, stay: int) -> NoReturn:
    """Start the service, send its token to the parent, and wait to be told to leave."""
    try:
        signal.set_wakeup_fd(-1)  # the forkserver's
        for signum in (signal.SIGCHLD, PARENT_DIED):
            signal.signal(signum, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL)
        import wandb

        subprocess.Popen = Follower  # type: ignore[misc]
        wandb.setup()
        with os.fdopen(token_writer, "w") as writer:
            writer.write(os.environ.get(VARIABLE, ""))
        if is_told_to_leave(stay):
            wandb.teardown(exit_code=OPEN_RUN)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(0)


def is_told_to_leave(stay: int) -> bool:
    """Wait. Return True if told to leave, False if the service or the parent ends first.

    A service that ends in order marks open runs as finished. But runs of a killed parent were killed too, so
    then the service must end without telling the server anything.
    """
    while not select.select([stay], [], [], WATCH_SECONDS)[0]:
        try:
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return False
        except ChildProcessError:
            continue  # wandb is disabled: no service
    return os.read(stay, 1) != b""


def report_dead_run(run_id: str, exit_code: int, preempted: bool) -> bool:
    """End a run whose process died silently, so that the server learns how. Return False if it was not open.

    Otherwise the service would keep the run alive, and at last mark it as finished.
    """
    import wandb

    try:
        run = attach(wandb, run_id)
    except wandb.errors.UsageError:
        return False
    if preempted:
        run.mark_preempting()
    run.finish(exit_code=exit_code)
    sys.stdout.flush()
    return True
