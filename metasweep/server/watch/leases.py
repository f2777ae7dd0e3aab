"""Ends silent runs and agents: their runs become crashed, and their points are released."""

import logging
import sqlite3
import threading
import time

from metasweep.server.context import Server
from metasweep.server.store import sweeps
from metasweep.server.store.base.database import time_ago
from metasweep.server.store.points import leases, outcomes
from metasweep.server.watch.early_stop import EarlyStop
from metasweep.server.watch.old_artifacts import OldArtifacts

INTERVAL = 2.0  # the most seconds between two checks
log = logging.getLogger("server")


def expire(connection: sqlite3.Connection, lease: float, max_attempts: int) -> int:
    """End the runs whose lease is over; return how many.

    A running run stays alive by its own heartbeats. A pending one, which has not begun, depends on those of
    its agent.
    """
    before = time_ago(lease)
    leases.bound_future(connection)
    lost = leases.quiet_runs(connection, before) + leases.abandoned_runs(connection, before)
    for run in lost:
        state = "preempted" if run["state"] == "preempting" else "crashed"
        state = "finished" if sweeps.is_controller(connection, run) else state
        outcomes.change_state(connection, run, state, max_attempts)
        log.info("run %s is %s: no heartbeat for %g s", run["name"], state, lease)
    leases.end_agents(connection, before)
    return len(lost)


class Reception:
    """Whether the server could receive heartbeats during the whole last lease. If not, no run is lost yet.

    The lease starts again when the server starts, could not write, or was on a suspended machine.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._since = self._last = time.time()

    def is_complete(self) -> bool:
        """Return whether no heartbeat can have been missed during the last lease. Call it at every check."""
        last, self._last = self._last, time.time()
        if not 0 <= self._last - last < self._lease / 2 + INTERVAL:  # the machine slept, or the clock was set
            self.restart()
        return self._last - self._since >= self._lease

    def restart(self) -> None:
        """Start the lease again: heartbeats before now may have been missed."""
        self._since = time.time()


class Watch:
    """A thread that checks leases, early stops and old artifacts."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._early_stop = EarlyStop(server.database)
        self._old_artifacts = OldArtifacts(server)
        self._reception = Reception(server.settings.lease)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for its end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(min(self._server.settings.lease / 10, INTERVAL)):
            for look in (self._look, self._early_stop.look, self._old_artifacts.look):
                try:
                    look()
                except sqlite3.OperationalError as error:  # for example a full disk
                    self._reception.restart()
                    log.error("leases, early stops and old artifacts could not be checked: %s", error)
                    break
                # an unusual sweep must not end this thread, since the points of lost runs need it
                except Exception:
                    log.exception("the check of leases, early stops or old artifacts failed")

    def _look(self) -> None:
        settings = self._server.settings
        if self._reception.is_complete():
            self._server.database.write(
                lambda connection: expire(connection, settings.lease, settings.max_attempts)
            )
