"""Signed URLs: uploads and downloads that clients send without the key in a header."""

import hashlib
import hmac
import time

LIFETIME = 24 * 3600  # seconds; the client asks for a new URL long before


class Signer:
    """Signs (method, path) until a time with a secret that never leaves the server."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, method: str, path: str, lifetime: int = LIFETIME) -> str:
        """The path with its query string, good for so many seconds."""
        expires = int(time.time()) + lifetime
        return f"{path}?expires={expires}&signature={self._signature(method, path, str(expires))}"

    def verify(self, method: str, path: str, expires: str, signature: str) -> bool:
        """Whether the signature fits and has not expired."""
        wanted = self._signature(method, path, expires)
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            return False
        return int(expires) > time.time()  # signed by us, so a number

    def _signature(self, method: str, path: str, expires: str) -> str:
        message = "\n".join((method, path, expires)).encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
