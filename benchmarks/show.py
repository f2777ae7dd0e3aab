"""The table on the screen and the JSON beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import sentence
from benchmarks.measure import Comparison, Figure

WIDTH = 120  # characters, in a file


def table(part: str, comparisons: Sequence[Comparison], machine: dict[str, Any]) -> Table:
    """One row per pair of us and a peer, the ratio first."""
    out = Table(
        title=f"{part}: ours against the peer or the target", caption=sentence(machine), title_justify="left"
    )
    for heading in ("times better", "what", "unit", "ours", "peer", "", "n"):
        out.add_column(heading, justify="left" if heading in ("what", "unit", "peer") else "right")
    for comparison in comparisons:
        ours = (comparison.name, comparison.unit, _cell(comparison.ours))
        count = str(len(comparison.ours.values))
        for peer, figure in comparison.peers.items():
            out.add_row(f"{comparison.ratio(peer):.3g}", *ours, peer, _cell(figure), count)
        if not comparison.peers:
            out.add_row("", *ours, "", "", count)
    return out


def show(part: str, comparisons: Sequence[Comparison], machine: dict[str, Any]) -> None:
    """Print the table, with medians and, in brackets, the range of the repetitions."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table(part, comparisons, machine))
    for comparison in comparisons:
        if comparison.note:
            console.print(f"{comparison.name}: {comparison.note}", style="dim")


def save(comparisons: Sequence[Comparison], machine: dict[str, Any], path: Path) -> None:
    """Write every single measurement as JSON."""
    rows = [
        {**asdict(comparison), "ratios": {peer: comparison.ratio(peer) for peer in comparison.peers}}
        for comparison in comparisons
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine, "comparisons": rows}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _cell(figure: Figure) -> str:
    low, high = (_number(value) for value in figure.spread)
    spread = f" [dim]({low}–{high})[/dim]" if len(figure.values) > 1 else ""
    return f"{_number(figure.median)}{spread}"


def _number(value: float) -> str:
    """Return a number with three significant digits and no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
