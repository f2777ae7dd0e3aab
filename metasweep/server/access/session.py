"""Sessions of people: a cookie that may read pages until it expires, its key is revoked, or they sign out.

Writing also needs a header that only this server's own pages know. A browser sends a cookie by itself, even
for another site's page, but it never sends this header by itself.
"""

import hmac
import secrets
import time

from starlette.requests import cookie_parser

from metasweep.server.access.keys import digest
from metasweep.server.store import sessions
from metasweep.server.store.base.database import Database

COOKIE = "metasweep_session"
WRITE_HEADER = "x-metasweep-write"
LIFETIME = 30 * 24 * 3600  # seconds


async def begin(database: Database, key: str) -> str:
    """Begin a session for the key with this hash; return the cookie's value."""
    token, now = secrets.token_urlsafe(32), int(time.time())
    await database.write_async(
        lambda connection: sessions.add(connection, digest(token), key, now, now + LIFETIME)
    )
    return token


def key_of(database: Database, cookies: str) -> str | None:
    """Return the hash of the key that opened the session in a Cookie header; None if the session is over."""
    token = cookie_parser(cookies).get(COOKIE)
    return sessions.find(database.read(), digest(token), int(time.time())) if token else None


def write_token(cookies: str) -> str:
    """Return the token that pages of a session send with their writes; empty without a session."""
    token = cookie_parser(cookies).get(COOKIE)
    return digest(f"write {token}") if token else ""


def may_write(cookies: str, header: str) -> bool:
    """Return whether a request with these cookies and this WRITE_HEADER comes from a page of the session."""
    wanted = write_token(cookies)
    return bool(wanted) and hmac.compare_digest(wanted.encode(), header.encode())


async def end(database: Database, cookies: str) -> None:
    """End the session in a Cookie header, also for copies of the cookie."""
    if token := cookie_parser(cookies).get(COOKIE):
        await database.write_async(lambda connection: sessions.end(connection, digest(token)))
