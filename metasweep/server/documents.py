"""JSON that clients send to be stored: bounded, and made of what every reader of it takes."""

import json
import math
from typing import Any

from metasweep.server.errors import BadRequest, TooLarge

# Commas and brackets: while a text is taken apart, no other thread works. Ten million would take seconds.
MOST_PARTS = 2_000_000
DEEPEST = 100  # lists and mappings within each other


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """A JSON object, or BadRequest; TooLarge for one of too many parts."""
    signs: tuple[Any, Any, Any] = (b",", b"[", b"{") if isinstance(text, bytes) else (",", "[", "{")
    commas, *opened = (text.count(sign) for sign in signs)
    if commas + sum(opened) > MOST_PARTS:
        raise TooLarge(f"{what}: over {MOST_PARTS} commas and brackets; send it in parts")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{what}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise BadRequest(f"{what}: a JSON object is needed")
    if sum(opened) > DEEPEST and is_deep(value):
        raise BadRequest(f"{what}: nested more than {DEEPEST} levels deep")
    return value


def is_deep(value: Any) -> bool:
    """Whether lists and mappings lie within each other more than DEEPEST times."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in parts_of(each) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def parts_of(value: dict[str, Any] | list[Any]) -> Any:
    """What a mapping or a list holds."""
    return value.values() if isinstance(value, dict) else value


def standard_json(value: Any) -> Any:
    """What standard JSON and Unicode have: NaN and infinities become the strings that W&B has for them."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {storable(key): standard_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [standard_json(item) for item in value]
    return value


def storable(text: str) -> str:
    """A text without halves of characters, which JSON can write and nothing else can: a ? stands for each."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def one_line(text: str) -> str:
    """A text for people without what moves the cursor of a terminal, or breaks the line."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
