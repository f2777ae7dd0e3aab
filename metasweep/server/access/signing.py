"""Signed URLs: uploads and downloads that clients send without the key in a header."""

from collections.abc import Iterable
from hashlib import sha256

from itsdangerous import BadSignature, TimestampSigner

LIFETIME = 24 * 3600  # seconds; the client asks for a new URL long before


class Signer:
    """Signs a method and a path for whoever has a key, with a secret that never leaves the server."""

    def __init__(self, secret: str) -> None:
        self._signer = TimestampSigner(secret, salt="metasweep.url", digest_method=sha256)

    def sign(self, method: str, path: str, key: str) -> str:
        """The path with its query string: good for a day, and no longer than the key with this hash."""
        value = statement(method, path, key)
        return f"{path}?signature={self._signer.sign(value).decode()[len(value) + 1 :]}"

    def verify(self, method: str, path: str, signature: str, keys: Iterable[str]) -> str | None:
        """The hash, among these, of the key for which the request was signed within the last day."""
        return next((key for key in keys if self._fits(statement(method, path, key), signature)), None)

    def _fits(self, value: str, signature: str) -> bool:
        try:
            self._signer.unsign(f"{value}.{signature}".encode(errors="replace"), max_age=LIFETIME)
        except BadSignature:
            return False
        return True


def statement(method: str, path: str, key: str) -> str:
    """What is signed."""
    return "\n".join((method, path, key))
