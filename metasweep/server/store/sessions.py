"""Sessions of people. Only the hashes of cookies and keys are stored."""

import sqlite3


def add(connection: sqlite3.Connection, token: str, key: str, now: int, until: int) -> None:
    """Begin a session for a key, until a time in seconds since 1970. Expired sessions are deleted."""
    connection.execute("DELETE FROM sessions WHERE until < ?", (now,))
    connection.execute("INSERT INTO sessions (token, key, until) VALUES (?, ?, ?)", (token, key, until))


def find(connection: sqlite3.Connection, token: str, now: int) -> str | None:
    """The key of a session that is not over."""
    query = "SELECT key FROM sessions WHERE token = ? AND until > ?"
    found = connection.execute(query, (token, now)).fetchone()
    return found and found["key"]


def end(connection: sqlite3.Connection, token: str) -> None:
    """End a session."""
    connection.execute("DELETE FROM sessions WHERE token = ?", (token,))


def end_all(connection: sqlite3.Connection) -> None:
    """End every session."""
    connection.execute("DELETE FROM sessions")
