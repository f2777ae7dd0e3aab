"""Tables as text, Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table as RichTable
from rich.text import Text

DAGGER = "†"
FIGURE = re.compile(r" \[figure\]\([^)]*\)")
LINE = 100  # columns of running text at most
UNWRAPPED = 1000  # columns: wider than any table
LATEX = {"\\": r"\textbackslash{}", "±": r"$\pm$", DAGGER: r"$^\dagger$", "–": "--", "²": "$^2$"} | {
    character: rf"\{character}" for character in "&%$#_{}"
}


@dataclass(frozen=True)
class Listing:
    """A table to show: cells are what a person reads, records what a program reads."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    records: Sequence[Mapping[str, Any]]
    bold: frozenset[int] = frozenset()  # indices of rows
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # beside the records, for JSON


def text(listing: Listing) -> str:
    """For a terminal or a log."""
    table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for index, header in enumerate(listing.headers):
        table.add_column(header, justify=_justify(listing, index), no_wrap=True)
    for row in listing.rows:
        table.add_row(*map(Text, row))
    console = Console(width=UNWRAPPED)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    notes = ["\n".join(_wrapped(note)) for note in listing.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def words(paragraphs: str) -> str:
    """Markdown as it is read in a terminal or a log; links to figures, which are not there, are left out."""
    console = Console(width=_line())
    with console.capture() as capture:
        console.print(Markdown(FIGURE.sub("", paragraphs), hyperlinks=False))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")


def markdown(listing: Listing) -> str:
    """For a README, with its notes as paragraphs under the table."""
    rules = {"left": "---", "right": "---:"}
    lines = [
        _pipes(listing.headers),
        _pipes(rules[_justify(listing, i)] for i in range(len(listing.headers))),
    ]
    for index, row in enumerate(listing.rows):
        cells = [cell.replace("|", r"\|") for cell in row]
        lines.append(_pipes(f"**{c}**" if index in listing.bold and c else c for c in cells))
    return "\n".join(lines) + "\n" + "".join(f"\n{note}\n" for note in listing.notes)


def latex(listing: Listing) -> str:
    """A booktabs tabular, its notes as comments."""
    columns = "".join(_justify(listing, index)[0] for index in range(len(listing.headers)))
    lines = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _ampersands(listing.headers, False),
        r"\midrule",
    ]
    lines += [_ampersands(row, index in listing.bold) for index, row in enumerate(listing.rows)]
    lines += [r"\bottomrule", r"\end{tabular}", *(f"% {note}" for note in listing.notes)]
    return "\n".join(lines) + "\n"


def comma_separated(listing: Listing) -> str:
    """The records; accuracies as fractions, nothing rounded."""
    out = io.StringIO()
    names = dict.fromkeys(name for record in listing.records for name in record)
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _plain(v) for k, v in record.items()} for record in listing.records)
    return out.getvalue()


def as_json(listing: Listing) -> str:
    """The records and what belongs to them; NaN as null."""
    rows = [{name: _plain(value) for name, value in record.items()} for record in listing.records]
    return (
        json.dumps({**listing.data, "rows": rows, "notes": list(listing.notes)}, indent=2, default=str) + "\n"
    )


FORMATS: dict[str, Callable[[Listing], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "csv": comma_separated,
    "json": as_json,
}
SUFFIXES = {"markdown": ".md", "latex": ".tex", "csv": ".csv", "json": ".json"}


def percent(fraction: float, decimals: int = 2) -> str:
    """A fraction as a percentage without its sign; a dash when it is not known."""
    if math.isnan(fraction):
        return "–"
    shown = f"{100 * fraction:.{decimals}f}"
    return shown if float(shown) else shown.removeprefix("-")


def value(parameter: Any) -> str:
    """A parameter's value as one would write it: 0.00001 rather than 1e-05, 2 rather than 2.0."""
    if isinstance(parameter, float):
        if math.isnan(parameter):
            return "–"
        if parameter == 0 or 1e-6 <= abs(parameter) < 1e6:
            return np.format_float_positional(parameter, trim="-")
        return f"{parameter:g}"
    return "–" if parameter is None else str(parameter)


def _wrapped(note: str) -> list[str]:
    lines = (textwrap.wrap(line, _line(), subsequent_indent="  ") for line in note.splitlines())
    return [part for parts in lines for part in parts]


def _line() -> int:
    """Columns of running text in this terminal."""
    return min(LINE, Console().width)


def _plain(item: Any) -> Any:
    if isinstance(item, np.generic):
        item = item.item()
    return None if isinstance(item, float) and not math.isfinite(item) else item


def _justify(listing: Listing, index: int) -> Any:
    """Right for columns of numbers."""
    cells = [row[index] for row in listing.rows if row[index] not in ("", "–")]
    return "right" if cells and all(cell[0].isdigit() or cell[0] in "-−+<" for cell in cells) else "left"


def _pipes(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _ampersands(cells: Sequence[str], bold: bool) -> str:
    escaped = ["".join(LATEX.get(character, character) for character in cell) for cell in cells]
    return " & ".join(rf"\textbf{{{c}}}" if bold and c else c for c in escaped) + r" \\"
