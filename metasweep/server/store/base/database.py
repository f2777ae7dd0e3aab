"""SQLite in WAL mode: one writing thread with short transactions, any number of readers.

Writes that wait at the same time share one transaction (group commit). Each runs in its own savepoint, so
that a failing write does not undo the others. A write returns after the commit.
"""

import asyncio
import contextlib
import datetime
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from metasweep.server.budget import TICK, Budget
from metasweep.server.errors import Refused
from metasweep.server.store.base import functions

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

SCHEMA = Path(__file__).with_name("schema.sql")
# MIGRATIONS[n] brings a database of version n + 1 to version n + 2; schema.sql is the newest version.
MIGRATIONS: tuple[str, ...] = (
    "ALTER TABLE agents ADD COLUMN standing_by INTEGER NOT NULL DEFAULT 0",
    # AUTOINCREMENT changes how ids are chosen, not how rows are stored, so only the definition is rewritten.
    """
    ALTER TABLE freed_points DROP COLUMN attempts;
    ALTER TABLE freed_points DROP COLUMN run_id;
    DROP INDEX runs_of_agent;
    CREATE INDEX runs_of_agent ON runs (agent_id, state);
    CREATE INDEX runs_of_point ON runs (sweep_id, point);
    CREATE INDEX runs_not_begun ON runs (heartbeat_at) WHERE state = 'pending';
    CREATE INDEX agents_standing_by ON agents (sweep_id, id) WHERE standing_by;
    CREATE INDEX agents_alive ON agents (heartbeat_at) WHERE state = 'RUNNING';
    CREATE TABLE makes_sqlite_sequence (id INTEGER PRIMARY KEY AUTOINCREMENT);
    DROP TABLE makes_sqlite_sequence;
    INSERT INTO sqlite_sequence (name, seq)
        SELECT 'projects', max(id) FROM projects UNION ALL SELECT 'sweeps', max(id) FROM sweeps
        UNION ALL SELECT 'agents', max(id) FROM agents UNION ALL SELECT 'runs', max(id) FROM runs
        UNION ALL SELECT 'files', max(id) FROM files UNION ALL SELECT 'collections', max(id) FROM collections
        UNION ALL SELECT 'artifacts', max(id) FROM artifacts;
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema
        SET sql = replace(sql, ' id INTEGER PRIMARY KEY,', ' id INTEGER PRIMARY KEY AUTOINCREMENT,')
        WHERE name IN (SELECT name FROM sqlite_sequence);
    PRAGMA writable_schema = RESET;
    """,
    "CREATE TABLE sessions (token TEXT PRIMARY KEY, key TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID",
    "ALTER TABLE runs ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 1",
    """
    ALTER TABLE sweeps ADD COLUMN controller_run TEXT;
    CREATE TABLE prior_runs (
        sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        PRIMARY KEY (sweep_id, run_id)
    ) WITHOUT ROWID;
    ALTER TABLE files ADD COLUMN ref TEXT;
    ALTER TABLE collections ADD COLUMN kind TEXT NOT NULL DEFAULT 'SEQUENCE';
    ALTER TABLE collections ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE collections ADD COLUMN next_version INTEGER NOT NULL DEFAULT 0;
    UPDATE collections SET next_version = (
        SELECT coalesce(max(version_index) + 1, 0) FROM artifacts WHERE collection_id = collections.id
    );
    ALTER TABLE artifacts ADD COLUMN distributed_id TEXT;
    ALTER TABLE artifacts ADD COLUMN base_id INTEGER;
    ALTER TABLE artifacts ADD COLUMN ttl INTEGER;
    CREATE TABLE links (
        collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
        version_index INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        PRIMARY KEY (collection_id, artifact_id)
    ) WITHOUT ROWID;
    CREATE INDEX links_of_artifact ON links (artifact_id);
    CREATE VIEW members AS
        SELECT collection_id, id AS artifact_id, version_index, created_at FROM artifacts
            WHERE state = 'COMMITTED'
        UNION ALL SELECT collection_id, artifact_id, version_index, created_at FROM links;
    CREATE TABLE logged_artifacts (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
        PRIMARY KEY (run_id, artifact_id)
    ) WITHOUT ROWID;
    INSERT INTO logged_artifacts SELECT run_id, id FROM artifacts WHERE run_id IS NOT NULL;
    """,
    """
    CREATE TABLE configs (
        key TEXT PRIMARY KEY,
        sweep_id INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        document TEXT
    );
    CREATE INDEX configs_of_sweep ON configs (sweep_id);
    INSERT INTO configs (key, sweep_id, text) SELECT lower(hex(randomblob(16))), id, config FROM sweeps;
    ALTER TABLE sweeps ADD COLUMN config_key TEXT NOT NULL DEFAULT '';
    UPDATE sweeps SET config_key = (SELECT key FROM configs WHERE sweep_id = sweeps.id);
    ALTER TABLE sweeps DROP COLUMN config;
    """,
    "CREATE INDEX runs_of_named_sweep ON runs (project_id, sweep, created_at, id)",
)
VERSION = len(MIGRATIONS) + 1
STEPS_OF_TEXT = 4  # SQLite steps per character of SQL; a long filter has several hundred thousand characters
BATCH = 200  # writes in one transaction; limits how long the first of them waits


def now() -> str:
    """Return the time in the protocol's form: UTC, in seconds."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_ago(seconds: float) -> str:
    """Return the time that many seconds ago, in the protocol's form."""
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def insert(connection: sqlite3.Connection, table: str, **columns: Any) -> int:
    """Insert a row; return its id."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    row = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))
    return int(row.lastrowid or 0)


def one_of(words: Sequence[str]) -> str:
    """Return these words as a list for SQL's IN. Only for our own constants, never for text from a client."""
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


def update(connection: sqlite3.Connection, table: str, row_id: int, **columns: Any) -> None:
    """Set columns of the row with that id."""
    names = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE {table} SET {names} WHERE id = ?", (*columns.values(), row_id))


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database from a version (0: empty) to the newest.

    Each step is done completely or not at all.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    new = [(VERSION, SCHEMA.read_text(encoding="utf-8"))]
    steps = enumerate(MIGRATIONS[version - 1 :], version + 1) if version else new
    for number, script in steps:
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


class Connection(sqlite3.Connection):
    """A connection that can work for a query with a budget."""

    budget: Budget | None = None

    def spend(self, steps: float) -> None:
        """Take steps from the budget, if there is one."""
        if self.budget is not None:
            self.budget.take_steps(steps)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        """Execute a statement. Its text counts to the budget too, since SQLite must prepare it."""
        self.spend(len(sql) * STEPS_OF_TEXT)
        return super().execute(sql, *parameters)


def connect(path: Path) -> Connection:
    """A connection in autocommit mode; rows are accessed by name."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=30, factory=Connection
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    # In WAL mode this survives the death of the process. A power cut may lose the newest commits but never
    # damages the database. FULL would keep them, but costs 2 to 5 ms of fsync per commit instead of 0.2 ms.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -16000")
    functions.register(connection, connection.spend)
    return connection


class Database:
    """One database file. `read` gives the thread's own connection, `write` runs a job in the writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._jobs: queue.SimpleQueue[tuple[Job, Future] | None] = queue.SimpleQueue()
        self._connection = self._open()
        self._writer = threading.Thread(target=self._write_forever, name="writer", daemon=True)
        self._writer.start()

    def _open(self) -> sqlite3.Connection:
        """Return the writer's connection, with the newest schema.

        Raises Refused if the file cannot be used.
        """
        way_out = "serve a backup of it with --server-dir BACKUP, or choose another --server-dir"
        try:
            connection = connect(self.path)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise Refused(f"{self.path} comes from a newer version of this program: update it")
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise Refused(f"{self.path} is damaged ({found.splitlines()[-1]}): {way_out}")
            migrate(connection, version)
        except sqlite3.DatabaseError as error:
            if "full" in str(error):
                raise Refused(
                    f"no room for {self.path}: free some, or choose another --server-dir"
                ) from error
            raise Refused(f"{self.path} cannot be used ({error}): {way_out}") from error
        return connection

    def read(self) -> Connection:
        """The reading connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self.path)
            connection.execute("PRAGMA query_only = ON")
        return connection

    @contextlib.contextmanager
    def snapshot(self, budget: Budget) -> Iterator[Connection]:
        """Yield a reading connection that sees one moment of the database.

        A query that exceeds the budget is interrupted, with the budget's error.
        """
        connection = self.read()
        connection.execute("BEGIN")
        try:
            budget.begin()
            budget.check()
            connection.budget = budget
            connection.set_progress_handler(budget.tick, TICK)
            yield connection
        except sqlite3.OperationalError as error:
            if budget.refusal is not None:
                raise budget.refusal from error
            raise
        finally:
            connection.budget = None
            connection.set_progress_handler(None, 0)
            connection.execute("ROLLBACK")

    def submit(self, job: "Job[T]") -> "Future[T]":
        """Queue a write. The future is done when the write is committed or has failed."""
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    def write(self, job: "Job[T]") -> T:
        """Run a write and wait for its commit. Do not call it within a write."""
        return self.submit(job).result()

    async def write_async(self, job: "Job[T]") -> T:
        """Like `write`, for the event loop."""
        return await asyncio.wrap_future(self.submit(job))

    def close(self) -> None:
        """Finish the queued writes and close the writer's connection.

        The WAL is merged into the database file.
        """
        self._jobs.put(None)
        self._writer.join()
        with contextlib.suppress(sqlite3.OperationalError):  # on a full disk the WAL stays a second file
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _write_forever(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first]
            with contextlib.suppress(queue.Empty):
                while len(batch) < BATCH:
                    item = self._jobs.get_nowait()
                    if item is None:
                        self._jobs.put(None)
                        break
                    batch.append(item)
            self._commit([item for item in batch if item[1].set_running_or_notify_cancel()])

    def _commit(self, batch: list[tuple[Job, Future]]) -> None:
        """Run the jobs of one transaction and tell each its outcome. The thread must survive every error."""
        outcomes: list[tuple[Future, Any, BaseException | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job, future in batch:
                outcomes.append((future, *self._attempt(job)))
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - it is raised where each of the jobs is waited for
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            outcomes = [(future, None, error) for _, future in batch]
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _attempt(self, job: Job) -> tuple[Any, BaseException | None]:
        """Run one job in a savepoint. Return its result, or the exception that undid it."""
        self._connection.execute("SAVEPOINT job")
        try:
            result = job(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # SQLite has rolled back the whole transaction, as it does on a full disk
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            return None, error
        self._connection.execute("RELEASE job")
        return result, None
