"""What every request handler needs: the settings, the database and the folder of the files."""

import getpass
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from metasweep.server.access.signing import Signer
from metasweep.server.budget import Budget
from metasweep.server.store.base.database import Connection, Database


def default_entity() -> str:
    """Return the login name, made fit for a URL; metasweep if there is none."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = ""
    return re.sub(r"[^a-z0-9_-]+", "-", login.lower()).strip("-") or "metasweep"


@dataclass(frozen=True)
class Settings:
    """How this server runs. Times are in seconds."""

    data_dir: Path
    entity: str = field(default_factory=default_entity)
    lease: float = 300.0
    max_attempts: int = 3

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "metasweep.db"

    @property
    def files_dir(self) -> Path:
        """The folder of uploaded bytes."""
        return self.data_dir / "files"


@dataclass(frozen=True)
class Server:
    """The parts of the server that all requests share."""

    settings: Settings
    database: Database
    signer: Signer


@dataclass(frozen=True)
class Context:
    """One request.

    It holds the server, the server's address as the client sees it, and the hash of the client's key.
    """

    server: Server
    base_url: str
    key: str = ""
    budget: Budget = field(default_factory=Budget)

    @property
    def settings(self) -> Settings:
        """How the server runs."""
        return self.server.settings

    @property
    def database(self) -> Database:
        """The server's database."""
        return self.server.database

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees one moment of the database.

        Its cost counts to this request's budget.
        """
        return self.database.snapshot(self.budget)

    def signed(self, method: str, path: str) -> str:
        """Return an absolute URL that works without the key for a day, and only while the key is valid."""
        return self.base_url + self.server.signer.sign(method, path, self.key)
