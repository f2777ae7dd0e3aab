"""Deletes artifact versions whose time to live is over, with their bytes."""

import logging
import sqlite3
import time

from metasweep.server.context import Server
from metasweep.server.store import artifacts, blobs, files
from metasweep.server.store.base.database import now

SECONDS = 60.0  # between two checks; times to live are days
log = logging.getLogger("server")


class OldArtifacts:
    """Checks once in `SECONDS`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._next = 0.0

    def look(self) -> None:
        """Delete the expired versions, unless the last check was less than `SECONDS` ago."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS
        if artifacts.expired(now()).first(self._server.database.read()):
            blobs.remove(self._server.settings.files_dir, self._server.database.write(delete_expired))


def delete_expired(connection: sqlite3.Connection) -> list[str]:
    """Delete the rows of expired versions; return the blobs to remove."""
    unneeded = []
    for artifact in artifacts.expired(now()).all(connection):
        unneeded += artifacts.delete(connection, artifact)
        log.info("version %s of an artifact is deleted: its time to live is over", artifact["id"])
    return files.unnamed(connection, unneeded)
