"""Signed URLs, for uploads and downloads that clients send without the key in a header."""

from collections.abc import Iterable
from hashlib import sha256

from itsdangerous import BadSignature, TimestampSigner

LIFETIME = 24 * 3600  # seconds; the client asks for a new URL long before


class Signer:
    """Signs a method and a path on behalf of a key, with a secret that never leaves the server."""

    def __init__(self, secret: str) -> None:
        self._signer = TimestampSigner(secret, salt="metasweep.url", digest_method=sha256)

    def sign(self, method: str, path: str, key: str) -> str:
        """Return the path with a signature.

        It is valid for a day, and only while the key with this hash is.
        """
        value = statement(method, path, key)
        return f"{path}?signature={self._signer.sign(value).decode()[len(value) + 1 :]}"

    def verify(self, method: str, path: str, signature: str, keys: Iterable[str]) -> str | None:
        """Return the hash, out of `keys`, of the key that signed the request within the last day.

        None if no key did.
        """
        return next((key for key in keys if self._fits(statement(method, path, key), signature)), None)

    def _fits(self, value: str, signature: str) -> bool:
        try:
            self._signer.unsign(f"{value}.{signature}".encode(errors="replace"), max_age=LIFETIME)
        except BadSignature:
            return False
        return True


def statement(method: str, path: str, key: str) -> str:
    """Return the text that is signed."""
    return "\n".join((method, path, key))
