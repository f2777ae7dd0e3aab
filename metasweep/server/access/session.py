"""Sessions of people: a cookie that reads pages for a while. It is signed, and does not hold the key."""

from collections.abc import Iterable

from starlette.requests import cookie_parser

from metasweep.server.access.keys import digest
from metasweep.server.access.signing import Signer

COOKIE = "metasweep_session"
LIFETIME = 30 * 24 * 3600  # seconds
PURPOSE = "SESSION"  # signed in the place of a method, so that no signed URL is a session


def token(signer: Signer, key: str) -> str:
    """A new token, good for LIFETIME seconds while the key is one of the server's."""
    query = signer.sign(PURPOSE, digest(key), LIFETIME).rpartition("?")[2]
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    return f"{expires}.{signature}"


def valid(signer: Signer, digests: Iterable[str], cookies: str) -> bool:
    """Whether a Cookie header carries a token for a key with one of these hashes that has not expired."""
    expires, _, signature = cookie_parser(cookies).get(COOKIE, "").partition(".")
    return any(signer.verify(PURPOSE, known, expires, signature) for known in digests)
