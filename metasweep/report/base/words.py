"""How numbers and names are written, and how text from others is made harmless.

Such text must not act as markup or as control codes.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from typing import Any

import numpy as np

DAGGER = "†"
UNKNOWN = "–"
LONGEST = 72  # characters of a value, such as a prompt, in a table or a sentence
MARKDOWN = re.compile(r"([\\`*\[\]<>|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
AT_START = re.compile(r"^(\d+)?([.)#+=>-])(?=\s|$)")  # what begins a list, a heading or a line


def percent(fraction: float, decimals: int = 2) -> str:
    """Return a fraction as a percentage without its sign; a dash for NaN."""
    if math.isnan(fraction):
        return UNKNOWN
    shown = f"{100 * fraction:.{decimals}f}"
    return shown if float(shown) else shown.removeprefix("-")


def fixed(number: float, decimals: int) -> str:
    """Return a number with that many decimals, or as 1.234e-09 if that would be long; a dash for NaN."""
    if math.isnan(number):
        return UNKNOWN
    if decimals > 8 or abs(number) >= 1e9:
        return f"{number:.4g}"
    shown = f"{number:.{max(0, decimals)}f}"
    return shown if float(shown) else shown.removeprefix("-")


def value(parameter: Any) -> str:
    """Return a parameter's value as a person writes it: 0.00001 rather than 1e-05, 2 rather than 2.0.

    Numbers have six significant digits; those of a random search have 17.
    """
    if isinstance(parameter, (float, np.floating)):
        if math.isnan(parameter):
            return UNKNOWN
        rounded = float(f"{parameter:.6g}")
        if rounded == 0 or 1e-6 <= abs(rounded) < 1e7:
            return np.format_float_positional(rounded, trim="-")
        return f"{rounded:g}"
    return UNKNOWN if parameter is None else shortened(one_line(str(parameter)))


def shortened(text: str) -> str:
    """Return text for a cell or a sentence: of a long one its beginning and its end, which often differ."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}…{text[-19:]}"


def one_line(text: str) -> str:
    """Return text without line breaks and without control characters."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """Return text with its line breaks, but without control characters.

    Those control a terminal or the direction of the text.
    """
    return "".join(
        character if character.isprintable() or character in "\n\t" else _replaced(character)
        for character in text
    )


def _replaced(character: str) -> str:
    """Remove soft hyphens and joiners; show other control characters, such as escape, by their number."""
    if unicodedata.category(character) == "Cf":
        return ""
    return " " if character.isspace() else f"\\u{ord(character):04x}"


def in_markdown(text: str) -> str:
    """Return text from others, in one line, as Markdown that shows it unchanged."""
    escaped = MARKDOWN.sub(r"\\\1", one_line(text)).replace("://", ":\\//")
    return AT_START.sub(lambda found: f"{found[1] or ''}\\{found[2]}", escaped)


def in_html(text: str) -> str:
    """Return text from others as HTML; also safe inside an attribute."""
    return html.escape(one_line(text), quote=True)


def link(text: str, address: str) -> str:
    """Return a Markdown link; only the text if the address is not a web address."""
    shown = in_markdown(text)
    if not re.match(r"https?://[^\s]+$", address):
        return shown
    return f"[{shown}]({re.sub(r'[()<>]', lambda found: f'%{ord(found[0]):02X}', address)})"


def fenced(text: str, language: str = "") -> str:
    """Return a code block in Markdown, in a fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def parameter_name(column: str) -> str:
    """Return a parameter's name in the sweep from its column."""
    return one_line(column.removeprefix("config:"))


def file_name(text: str) -> str:
    """Return a name as a part of a file name: test/acc becomes test-acc."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:60] or "metric"


def duration(seconds: float) -> str:
    """`40 seconds`, `1.5 minutes`, `12 hours`, `3.0 days`."""
    for size, word in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            number = seconds / size
            return f"{number:.0f} {word}" if number >= 10 else f"{number:.1f} {word}"
    return f"{seconds:.0f} seconds"


def number_of(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
