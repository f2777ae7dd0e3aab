"""The data of the page: `PageData`, and the compact columnar JSON that is made of it.

The JSON (see FORMAT.md) has one array per column instead of one object per run. Repeated values are stored
once, and so is the common beginning of addresses; numbers have six significant digits. 400 runs with ten
curves each take 0.2 MB.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["discrete", "number", "accuracy", "text"]
SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class Column:
    """A column of the runs: a parameter, a metric or a detail."""

    name: str
    label: str
    kind: Kind = "number"  # accuracy: a fraction in [0, 1], drawn on -log10(1 - accuracy)
    log: bool = False  # positive numbers on a logarithmic axis
    goal: Literal["max", "min"] = "max"  # of a metric: which end is better
    axis: bool = True  # also an axis of the parallel coordinates
    levels: Sequence[Any] = ()  # of a discrete column: its values from bottom to top; () = ascending
    shown: bool = True  # in the table, until the reader chooses
    seed: bool = False  # a repetition, not a choice


@dataclass(frozen=True)
class Curve:
    """One metric over time, for every run."""

    metric: Column
    x: Sequence[Any]  # one sequence for all the runs, or one per run
    y: Sequence[Sequence[float | None] | None]  # one per run, in the order of the runs
    x_label: str = "epoch"
    sampled: bool = False  # of long runs, only the extremes of every stretch are included


@dataclass(frozen=True)
class Preset:
    """A button that keeps the runs with `column` from `minimum` (above it if `strict`) to `maximum`."""

    label: str
    column: str
    minimum: float | None = None
    strict: bool = False
    maximum: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far a sweep is. `expected` is None if it has no limit."""

    expected: int | None
    finished: int
    running: int = 0
    failed: int = 0
    missing: int = 0
    note: str = ""


@dataclass(frozen=True)
class Highlight:
    """A number at the top of the page."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table with more than a text."""

    text: str
    bold: bool = False
    url: str = ""


@dataclass(frozen=True)
class Table:
    """A section with a table; numbers are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | Cell | None]]
    notes: Sequence[str] = ()
    type: Literal["table"] = "table"


@dataclass(frozen=True)
class Finding:
    """One sentence; `figure` is the title of the figure section that shows it."""

    text: str
    figure: str = ""


@dataclass(frozen=True)
class Findings:
    """A section with sentences."""

    title: str
    items: Sequence[Finding]
    type: Literal["findings"] = "findings"


@dataclass(frozen=True)
class Figure:
    """A section with a picture: a data: address (SVG or PNG), `packed(svg)` or, on a server, a path."""

    title: str
    image: str
    alt: str
    caption: str = ""
    dark: str = ""  # the picture for a dark page; without it the picture keeps its white ground
    type: Literal["figure"] = "figure"


@dataclass(frozen=True)
class Facts:
    """A section with names and values, such as the provenance. A value may be a link."""

    title: str
    items: Sequence[tuple[str, str | Cell]]
    type: Literal["facts"] = "facts"


Section = Table | Findings | Figure | Facts


@dataclass(frozen=True)
class PageData:
    """A study as the page shows it.

    `runs` maps a column's name to one value per run (None or NaN: missing). It holds `id`, `name`, `state`,
    `url` and every name in `parameters`, `metrics` and `details`. The order of the mapping and of the runs
    does not matter.
    """

    title: str
    runs: Mapping[str, Sequence[Any]]
    parameters: Sequence[Column]
    metrics: Sequence[Column]
    color: str  # the metric that colors and sorts the runs
    details: Sequence[Column] = ()  # further columns of the table
    curves: Sequence[Curve] = ()
    chance: float | None = None  # runs with an accuracy at or below it are no better than chance
    presets: Sequence[Preset] = ()
    progress: Progress | None = None
    highlights: Sequence[Highlight] = ()
    sections: Sequence[Section] = ()
    subtitle: str = ""
    links: Sequence[Cell] = field(default_factory=tuple)


def packed(svg: bytes) -> str:
    """Return an SVG in the form that the page unpacks, a sixth of its size."""
    return "gzip:" + base64.b64encode(gzip.compress(svg, mtime=0)).decode()


def encode(data: PageData) -> dict[str, Any]:
    """Return the JSON form. Raises ValueError if the columns do not fit together."""
    check(data)
    document = asdict_shallow(data)
    document["runs"] = {
        "count": len(data.runs["id"]),
        "columns": {name: encode_column(values) for name, values in data.runs.items()},
    }
    document["curves"] = [encode_curve(curve) for curve in data.curves]
    return document


def to_json(document: Mapping[str, Any]) -> str:
    """Return compact JSON that is also safe inside a <script> element: it contains no "<"."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def check(data: PageData) -> None:
    """Refuse data that the page would show wrongly."""
    columns = [*data.parameters, *data.metrics, *data.details]
    needed = ["id", "name", "state", "url", *(column.name for column in columns)]
    missing = [name for name in needed if name not in data.runs]
    if missing:
        raise ValueError(f"runs lack the columns {', '.join(missing)}")
    count = len(data.runs["id"])
    for name, values in data.runs.items():
        if len(values) != count:
            raise ValueError(f"column {name} has {len(values)} values for {count} runs")
    for curve in data.curves:
        if len(curve.y) != count:
            raise ValueError(f"curve {curve.metric.name} has {len(curve.y)} runs instead of {count}")
    if data.color not in {metric.name for metric in data.metrics}:
        raise ValueError(f"color {data.color} is not one of the metrics")


def asdict_shallow(data: PageData) -> dict[str, Any]:
    """Return every field but the large ones, as plain dicts and lists."""
    big = {"runs", "curves"}
    return {name: plain(value) for name, value in vars(data).items() if name not in big}


def plain(value: Any) -> Any:
    """Return dataclasses as dicts, sequences as lists, numbers as JSON has them."""
    if isinstance(value, (float, int, str)):
        return scalar(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(item) for name, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return scalar(value)


def scalar(value: Any) -> Any:
    """Return a JSON scalar.

    NaN and infinities become None, floats get six digits, other objects become their text.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if not isinstance(value, float) and hasattr(value, "item"):
        return scalar(value.item())  # numpy's scalars
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if not math.isfinite(number):
        return None
    rounded = float(f"{number:.{SIGNIFICANT_DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


def encode_column(values: Iterable[Any]) -> Any:
    """Return a column as `[…]`, as `{"levels", "codes"}` if values repeat, or as `{"prefix", "rest"}`."""
    plain_values = [scalar(value) for value in values]
    # 1, 1.0 and True are equal in Python but must stay different.
    codes: dict[tuple[type, Any], int] = {}
    coded = [codes.setdefault((type(value), value), len(codes)) for value in plain_values]
    if len(codes) <= len(plain_values) / 3:
        return {"levels": [value for _, value in codes], "codes": coded}
    if all(isinstance(value, str) for value in plain_values):
        prefix = common_start(plain_values)
        return {"prefix": prefix, "rest": [value[len(prefix) :] for value in plain_values]}
    return plain_values


def common_start(texts: Sequence[str]) -> str:
    """Return the common beginning of all texts."""
    if not texts:
        return ""
    first, last = min(texts), max(texts)
    differ = (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(differ, len(first))]


def encode_curve(curve: Curve) -> dict[str, Any]:
    """Encode a curve. Times that all runs share are stored once."""
    rows = [list(row) if row is not None else [] for row in curve.y]
    x: list[Any] = list(curve.x)
    if x and isinstance(x[0], Sequence):
        x = shared_x([list(row) for row in x])
    return {"metric": plain(curve.metric), "x_label": curve.x_label, "x": plain(x), "y": plain(rows)}


def shared_x(rows: list[list[float]]) -> list[Any]:
    """Return only the longest row if every other row is its beginning; else all rows."""
    longest = max(rows, key=len)
    return longest if all(row == longest[: len(row)] for row in rows) else rows
