"""Sessions of people: a cookie that reads pages for a while, until its key is withdrawn or they sign out.

To write takes what only the pages of this server know besides: a browser sends a cookie by itself, also for a
foreign page, but never this header.
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
    """The cookie's value of a new session for whoever has the key with this hash."""
    token, now = secrets.token_urlsafe(32), int(time.time())
    await database.write_async(
        lambda connection: sessions.add(connection, digest(token), key, now, now + LIFETIME)
    )
    return token


def key_of(database: Database, cookies: str) -> str | None:
    """The hash of the key for which the session in a Cookie header was begun; None if it is over."""
    token = cookie_parser(cookies).get(COOKIE)
    return sessions.find(database.read(), digest(token), int(time.time())) if token else None


def write_token(cookies: str) -> str:
    """What the pages of a session send along when they write; empty without a session."""
    token = cookie_parser(cookies).get(COOKIE)
    return digest(f"write {token}") if token else ""


def may_write(cookies: str, header: str) -> bool:
    """Whether a request with these cookies and this WRITE_HEADER comes from a page of the session."""
    wanted = write_token(cookies)
    return bool(wanted) and hmac.compare_digest(wanted.encode(), header.encode())


async def end(database: Database, cookies: str) -> None:
    """End the session in a Cookie header, wherever else the cookie was copied to."""
    if token := cookie_parser(cookies).get(COOKIE):
        await database.write_async(lambda connection: sessions.end(connection, digest(token)))
