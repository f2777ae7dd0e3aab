"""Names and opaque ids in the protocol's form."""

import base64
import binascii
import secrets
import string

ALPHABET = string.ascii_lowercase + string.digits


def encode(kind: str, number: int) -> str:
    """Return the opaque id of a row: base64 of Kind:number."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def decode(kind: str, opaque: str | None) -> int | None:
    """Return the number in an opaque id; None if the id is not of that kind."""
    try:
        name, _, number = base64.b64decode(opaque or "", validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    digits = number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if name == kind and digits else None


def short() -> str:
    """Return a new name of eight letters and digits, for runs and sweeps."""
    return "".join(secrets.choice(ALPHABET) for _ in range(8))
