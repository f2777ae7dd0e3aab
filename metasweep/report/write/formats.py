"""Tables as text, Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table as RichTable
from rich.text import Text

from metasweep.report.base.listing import Listing
from metasweep.report.base.words import DAGGER, harmless, in_markdown, one_line

FIGURE = re.compile(r" \[figure\]\(figures/([^)]*)\.svg\)")  # at the end of a finding
LINE = 100  # columns of running text at most
UNWRAPPED = 1000  # columns: wider than any table
LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    DAGGER: r"$^\dagger$",
    "–": "--",
    "²": "$^2$",
    **{character: rf"\{character}" for character in "&%$#_{}"},
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs a cell that begins with one of these


def text(listing: Listing) -> str:
    """For a terminal or a log."""
    table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for index, header in enumerate(listing.headers):
        table.add_column(Text(one_line(header)), justify=_justify(listing, index), no_wrap=True)
    for row in listing.rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console = Console(width=UNWRAPPED)
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    notes = ["\n".join(_wrapped(note)) for note in listing.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def words(paragraphs: str) -> str:
    """Return Markdown as plain text for a terminal or a log. Links to figures are left out.

    The text must be free of control characters, as after `in_markdown`.
    """
    console = Console(width=_line())
    with console.capture() as capture:
        console.print(Markdown(FIGURE.sub("", paragraphs), hyperlinks=False))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")


def markdown(listing: Listing) -> str:
    """For a README, with its notes as paragraphs under the table."""
    rules = {"left": "---", "right": "---:"}
    lines = [
        _pipes(map(in_markdown, listing.headers)),
        _pipes(rules[_justify(listing, i)] for i in range(len(listing.headers))),
    ]
    for index, row in enumerate(listing.rows):
        cells = [in_markdown(cell) for cell in row]
        lines.append(_pipes(f"**{c}**" if index in listing.bold and c else c for c in cells))
    return "\n".join(lines) + "\n" + "".join(f"\n{in_markdown(note)}\n" for note in listing.notes)


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
    lines += [r"\bottomrule", r"\end{tabular}", *(f"% {one_line(note)}" for note in listing.notes)]
    return "\n".join(lines) + "\n"


def comma_separated(listing: Listing) -> str:
    """The records; accuracies as fractions, nothing rounded."""
    out = io.StringIO()
    names = list(dict.fromkeys(name for record in listing.records for name in record))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([inert(name) for name in names])
    writer.writerows([inert(_plain(record.get(name))) for name in names] for record in listing.records)
    return out.getvalue()


def inert(cell: Any) -> Any:
    """Return a cell of a CSV file.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    if not isinstance(cell, str):
        return cell
    shown = harmless(cell)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def as_json(listing: Listing) -> str:
    """Return the records and their context; NaN as null."""
    rows = [{name: _plain(value) for name, value in record.items()} for record in listing.records]
    whole = {**{name: _plain(item) for name, item in listing.data.items()}, "rows": rows}
    return json.dumps({**whole, "notes": list(listing.notes)}, indent=2, default=str) + "\n"


FORMATS: dict[str, Callable[[Listing], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "csv": comma_separated,
    "json": as_json,
}
SUFFIXES = {"markdown": ".md", "latex": ".tex", "csv": ".csv", "json": ".json"}


def _wrapped(note: str) -> list[str]:
    lines = (
        textwrap.wrap(_indent(line) + one_line(line), _line(), subsequent_indent="  ")
        for line in note.split("\n")
    )
    return [part for parts in lines for part in parts]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _line() -> int:
    """Columns of running text in this terminal."""
    return min(LINE, Console().width)


def _plain(item: Any) -> Any:
    """Return a value in JSON's types: no numpy, no NaN or infinities."""
    if isinstance(item, np.generic):
        item = item.item()
    if isinstance(item, Mapping):
        return {str(key): _plain(inner) for key, inner in item.items()}
    if isinstance(item, (list, tuple)):
        return [_plain(inner) for inner in item]
    return None if isinstance(item, float) and not math.isfinite(item) else item


def _justify(listing: Listing, index: int) -> Any:
    """Return right alignment for columns of numbers."""
    cells = [row[index] for row in listing.rows if row[index] not in ("", "–")]
    return "right" if cells and all(cell[0].isdigit() or cell[0] in "-−+<" for cell in cells) else "left"


def _pipes(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _ampersands(cells: Sequence[str], bold: bool) -> str:
    escaped = ["".join(LATEX.get(character, character) for character in one_line(cell)) for cell in cells]
    return " & ".join(rf"\textbf{{{c}}}" if bold and c else c for c in escaped) + r" \\"
