"""Versions of artifacts whose time to live is over: they are deleted with their bytes."""

import logging
import sqlite3
import time

from metasweep.server.context import Server
from metasweep.server.store import artifacts, blobs, files
from metasweep.server.store.base.database import now

SECONDS = 60.0  # between two looks: times to live are days
log = logging.getLogger("server")


class OldArtifacts:
    """Looks for them now and then."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._next = 0.0

    def look(self) -> None:
        """Delete what is too old, unless it was looked at just now."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS
        if artifacts.expired(now()).first(self._server.database.read()):
            blobs.remove(self._server.settings.files_dir, self._server.database.write(delete_expired))


def delete_expired(connection: sqlite3.Connection) -> list[str]:
    """Delete the rows of what is too old; the blobs to remove."""
    unneeded = []
    for artifact in artifacts.expired(now()).all(connection):
        unneeded += artifacts.delete(connection, artifact)
        log.info("version %s of an artifact has outlived its time and is deleted", artifact["id"])
    return files.unnamed(connection, unneeded)
