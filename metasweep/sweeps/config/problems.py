"""Problems of a sweep config, and checks that its sections share."""

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metasweep.sweeps.parameters import is_integer, is_number

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """What is wrong and where. A config with an error cannot be run."""

    place: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


Problems = Iterator[Problem]
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
LARGEST_NUMBER = 1e150
"""So that numbers of a config, their differences and their quotients fit into a float."""


def suggestion(wrong: Any, known: Collection[str]) -> str:
    """Return a hint at the known name that is most similar; empty if none is similar."""
    close = difflib.get_close_matches(str(wrong)[:100].lower(), known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def unknown_keys(place: str, given: Mapping[Any, Any], known: Collection[str]) -> Problems:
    """A problem for every key that is not known."""
    for key in given:
        if key not in known:
            hint = suggestion(key, known) or f"; known here: {', '.join(known)}"
            yield Problem(f"{place}.{key}", f"unknown key{hint}")


def check_choice(place: str, value: Any, known: Collection[str]) -> Problems:
    """A problem if the value is not one of the known names."""
    if not isinstance(value, str) or value not in known:
        yield Problem(
            place, f"must be one of {', '.join(known)}, not {shown(value)}{suggestion(value, known)}"
        )


def check_number(
    place: str, value: Any, *, above: float | None = None, least: float | None = None, integer: bool = False
) -> Problems:
    """A problem if the value is not a number of a usable size, or an integer, above or at least a bound."""
    kind = "an integer" if integer else "a number"
    if not (is_integer(value) if integer else is_number(value)):
        yield Problem(place, f"must be {kind}, not {shown(value)}{_number_hint(value)}")
    elif not abs(value) <= LARGEST_NUMBER:
        yield Problem(place, f"must be finite and at most {LARGEST_NUMBER:g} in size")
    elif above is not None and not value > above:
        yield Problem(place, f"must be above {above:g}, not {value}")
    elif least is not None and value < least:
        yield Problem(place, f"must be at least {least:g}, not {value}")


def check_plain(place: str, value: Any) -> Problems:
    """A problem if the value cannot be sent to an agent as JSON."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        yield Problem(place, "must be made of texts, finite numbers, true, false, null, lists and mappings")


def check_meant_as_number(place: str, value: Any) -> Problems:
    """A warning if the value is a text that a person may have meant as a number."""
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        yield Problem(place, f"{shown(value)} is a text{_number_hint(value)}", "warning")


def is_text(value: Any) -> bool:
    """Return whether the value is a text that can be stored. YAML can make lone surrogates, which cannot."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def shown(value: Any) -> str:
    """Return the value as a message shows it: in YAML's form, cut if it is long."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "…"


def _number_hint(value: Any) -> str:
    """Return a hint for numbers such as 1e-3, which YAML reads as a text."""
    try:
        number = repr(float(value)) if isinstance(value, str) else ""
    except ValueError:
        return ""
    with_point = number if "." in number else number.replace("e", ".0e")
    return f" (in YAML, write {with_point} without quotes)" if number else ""
