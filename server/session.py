"""Sessions of people: a cookie that reads pages for a while. It is signed, and does not hold the key."""

import hmac

from starlette.requests import cookie_parser

from server.signing import Signer

COOKIE = "metasweep_session"
LIFETIME = 30 * 24 * 3600  # seconds
PURPOSE = "SESSION"  # signed in the place of a method, so that no signed URL is a session


def token(signer: Signer, key: str) -> str:
    """A new token, good for LIFETIME seconds while the key is the server's."""
    query = signer.sign(PURPOSE, key, LIFETIME).rpartition("?")[2]
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    return f"{expires}.{signature}"


def valid(signer: Signer, key: str, cookies: str) -> bool:
    """Whether a Cookie header carries a token for the key that has not expired."""
    expires, _, signature = cookie_parser(cookies).get(COOKIE, "").partition(".")
    return signer.verify(PURPOSE, key, expires, signature)


def is_key(presented: str, key: str) -> bool:
    """Whether this is the key, found out in constant time."""
    return hmac.compare_digest(presented.encode(), key.encode())
