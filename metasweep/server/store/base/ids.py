"""Names and opaque ids as the protocol has them."""

import base64
import binascii
import secrets
import string

ALPHABET = string.ascii_lowercase + string.digits


def encode(kind: str, number: int) -> str:
    """The opaque id of a row: base64 of Kind:number."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def decode(kind: str, opaque: str | None) -> int | None:
    """The number behind an opaque id, or None when it is not an id of that kind."""
    try:
        name, _, number = base64.b64decode(opaque or "", validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    digits = number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if name == kind and digits else None


def short() -> str:
    """A new name of eight letters and digits, as of runs and sweeps."""
    return "".join(secrets.choice(ALPHABET) for _ in range(8))
