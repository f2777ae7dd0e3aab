"""Checks JSON from clients before it is stored: its size, depth and values."""

import json
import math
from typing import Any

from metasweep.server.errors import BadRequest, TooLarge

# Commas and brackets. Parsing blocks all other threads; ten million of them would take seconds.
MOST_PARTS = 2_000_000
DEEPEST = 100  # levels of lists and mappings within each other


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Return a JSON object. Raises BadRequest; TooLarge if it has too many parts."""
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
    """Return whether lists and mappings are nested more than DEEPEST levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in parts_of(each) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def parts_of(value: dict[str, Any] | list[Any]) -> Any:
    """Return the values in a mapping or a list."""
    return value.values() if isinstance(value, dict) else value


def standard_json(value: Any) -> Any:
    """Return standard JSON and Unicode: NaN and infinities become the strings that W&B uses for them."""
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
    """Return a text with `?` for each lone surrogate, which JSON can hold but nothing can store."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def one_line(text: str) -> str:
    """Return a text without line breaks and without characters that move a terminal's cursor."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
