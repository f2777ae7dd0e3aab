"""Text and numbers in figures, and how much room they take.

A name may be anything that a sweep's YAML can hold. Characters that cannot be drawn are replaced, and long
names are shortened in their middle.
"""

from __future__ import annotations

import functools
import itertools
import math
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from metasweep.report.base.words import parameter_name

REGULAR = ("Metasweep Sans", "DejaVu Sans")
SEMIBOLD = ("Metasweep Sans SemiBold", "DejaVu Sans")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
THIN_SPACE = "\u2009"
ELLIPSIS = "…"
NOT_SET = "not set"


def parameter(column: str) -> str:
    """Return a parameter's own name, as in the sweep and in every table, from its column."""
    return clean(parameter_name(column))


def number(value: float, digits: int = 4) -> str:
    """A number in the shortest form: 0.1, 32, 10⁻⁵, 3×10⁻⁴, 22 500."""
    if not math.isfinite(value):
        return str(value).replace("inf", "∞")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -3 or exponent > 6:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        times = {"1": "", "-1": "−"}.get(mantissa, f"{mantissa}×".replace("-", "−"))
        return f"{times}10{str(int(power)).translate(SUPERSCRIPTS)}"
    shown = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    if abs(value) >= 10_000:
        whole, dot, rest = shown.partition(".")
        shown = f"{int(whole):,}".replace(",", THIN_SPACE) + dot + rest
    return shown.replace("-", "−")


def percent(fraction: float, digits: int = 4) -> str:
    """A fraction as per cent, without needless zeros: 0.985 -> 98.5 %."""
    shown = f"{100 * fraction:.{digits}f}".rstrip("0").rstrip(".")
    return f"{shown}{THIN_SPACE}%".replace("-", "−")


def quantity(count: int, noun: str) -> str:
    """1 run, 2 runs, 10 000 runs."""
    plural = noun if count == 1 else noun + ("es" if noun.endswith(("s", "ch")) else "s")
    return f"{number(count, 12)} {plural}"


def labels(values: Sequence[Hashable], digits: int = 4) -> list[str]:
    """Return labels for values, all in one form.

    They have at least so many digits, and distinct values have distinct labels.
    """
    if not values or not all(is_number(value) for value in values):
        return [clean(str(value)) or "(empty)" for value in values]
    numbers = [float(value) for value in values]  # type: ignore[arg-type]
    powers = [n for n in numbers if n > 0 and math.isclose(math.log10(n), round(math.log10(n)), abs_tol=1e-9)]
    if len(powers) == len(numbers) and (min(numbers) < 0.01 or max(numbers) > 1e4):
        return ["10" + str(round(math.log10(n))).translate(SUPERSCRIPTS) for n in numbers]
    for precision in (digits, 4, 6, 9, 12):
        shown = [number(n, precision) for n in numbers]
        if len(set(shown)) == len(set(numbers)):
            break
    return shown


def is_number(value: Any) -> bool:
    """Return whether a value is a number. True and False are not."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.bool_)
    )


def clean(words: str) -> str:
    """Return one line of characters that the fonts have; others become a box."""
    visible = (char for char in unicodedata.normalize("NFC", words) if unicodedata.category(char) != "Cf")
    flat = " ".join("".join(visible).split())
    return "".join(char if ord(char) in _characters() else "□" for char in flat)


def width(line: str, size: float, bold: bool = False) -> float:
    """Width of one line in points."""
    return _unit_width(line, bold) * size


def fit(line: str, room: float, size: float, bold: bool = False) -> str:
    """Return the line, shortened in its middle to at most `room` points.

    Names often differ at both ends.
    """
    if width(line, size, bold) <= room:
        return line
    fitting, too_long = 1, len(line)
    while too_long - fitting > 1:
        kept = (fitting + too_long) // 2
        if width(_without_middle(line, kept), size, bold) <= room:
            fitting = kept
        else:
            too_long = kept
    return _without_middle(line, fitting) if fitting > 1 else ELLIPSIS


def _without_middle(line: str, kept: int) -> str:
    head, tail = (kept + 1) // 2, kept // 2
    return line[:head].rstrip() + ELLIPSIS + line[len(line) - tail :].lstrip()


def wrap(line: str, room: float, size: float, bold: bool = False, most: int = 2) -> list[str]:
    """Break a line between words into lines of at most `room` points. After `most` lines it is shortened."""
    words, lines = clean(line).split(" "), [""]
    for word in filter(None, words):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, size, bold) > room and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = longer
    return [fit(part, room, size, bold) for part in lines if part]


def overlapping(spans: Iterable[tuple[float, float]]) -> list[bool]:
    """Return which of the spans (low, high) would touch one that comes before it and is kept."""
    taken: list[tuple[float, float]] = []
    verdicts = []
    for low, high in spans:
        verdict = any(low < other_high and other_low < high for other_low, other_high in taken)
        verdicts.append(verdict)
        if not verdict:
            taken.append((low, high))
    return verdicts


@functools.lru_cache(maxsize=4096)
def _unit_width(line: str, bold: bool) -> float:
    if not line.strip():
        return 0.3 * len(line)
    font = FontProperties(family=list(SEMIBOLD if bold else REGULAR))
    return _right_end(TextPath((0, 0), line, size=100, prop=font, usetex=False)) / 100


def _right_end(path: Path) -> float:
    """Return the largest x of a path. Only outlines that may reach it are measured, since that is slow."""
    vertices, codes = np.asarray(path.vertices), np.asarray(path.codes)
    starts = [*np.flatnonzero(codes == Path.MOVETO), len(vertices)]
    spans = [slice(start, end) for start, end in itertools.pairwise(starts)]
    reaches = [float(vertices[span, 0].max()) for span in spans]  # a curve stays within its control points
    right = -math.inf
    for reach, span in sorted(zip(reaches, spans, strict=True), key=lambda each: -each[0]):
        if reach <= right:
            break
        right = max(right, float(Path(vertices[span], codes[span]).get_extents().x1))
    return right


@functools.cache
def _characters() -> frozenset[int]:
    fonts = [
        font_manager.findfont(FontProperties(family=[family]), fallback_to_default=False)
        for family in REGULAR
    ]
    return frozenset(code for font in fonts for code in font_manager.get_font(font).get_charmap())
