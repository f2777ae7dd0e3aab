"""Runs and agents that have gone quiet: their runs become crashed and their points are free again."""

import logging
import sqlite3
import threading

from server import claims
from server.context import Server
from server.database import time_ago
from server.early_stop import EarlyStop

INTERVAL = 2.0  # seconds between two looks, at most
log = logging.getLogger("server")


def expire(connection: sqlite3.Connection, lease: float, max_attempts: int) -> int:
    """End the runs whose lease is over; returns how many.

    A running run lives by its own heartbeats; a pending one, which has not begun, by those of its agent.
    """
    before = time_ago(lease)
    quiet = connection.execute(
        "SELECT * FROM runs WHERE state IN ('running', 'preempting') AND heartbeat_at < ?", (before,)
    ).fetchall()
    abandoned = connection.execute(
        "SELECT runs.* FROM runs JOIN agents ON agents.id = agent_id"
        " WHERE runs.state = 'pending' AND runs.heartbeat_at < :before AND agents.heartbeat_at < :before",
        {"before": before},
    ).fetchall()
    for run in quiet + abandoned:
        state = "preempted" if run["state"] == "preempting" else "crashed"
        claims.change_state(connection, run, state, max_attempts)
        log.info("run %s is %s: no heartbeat for %g s", run["name"], state, lease)
    return len(quiet) + len(abandoned)


class Watch:
    """A thread that looks at the leases and at early stops."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._early_stop = EarlyStop(server.database)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch; returns when it has ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        settings = self._server.settings
        while not self._stop.wait(min(settings.lease / 10, INTERVAL)):
            try:
                self._server.database.write(
                    lambda connection: expire(connection, settings.lease, settings.max_attempts)
                )
                self._early_stop.look()
            except sqlite3.OperationalError as error:
                log.error("leases not looked at: %s", error)
