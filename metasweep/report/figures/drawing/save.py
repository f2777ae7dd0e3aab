"""Saves figures as SVG with rounded coordinates, and as PNG. The same figure gives the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

from metasweep.report.figures.drawing.style import RC, THEMES

RASTER_DPI = 120  # of pixel images inside an SVG
NUMBER = re.compile(r"-?\d*\.\d{3,}")
COORDINATES = re.compile(r'(?<=\s)(d|x|y|width|height|x1|x2|y1|y2|points)="([^"]*)"')
TRANSLATION = re.compile(r"(translate)\(([^)]*)\)")
SPACES = re.compile(r"(?<=[A-Za-z]) | (?=[A-Za-z])")
METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


def save(figure: Figure, stem: Path | str, title: str = "", picture: bool = True) -> list[Path]:
    """Write STEM.svg, and STEM.png unless `picture` is false. `title` is the text for screen readers."""
    stem = Path(stem)
    svg, png = stem.with_name(stem.name + ".svg"), stem.with_name(stem.name + ".png")
    with style.context(["default", RC]):
        svg.write_text(svg_text(figure, title), encoding="utf-8")
        if not picture:
            return [svg]
        figure.savefig(png, format="png", metadata={"Software": None, **_titled(title)})
    return [svg, png]


def save_themes(draw: Callable[[str], Figure], stem: Path | str, title: str = "") -> list[Path]:
    """Draw with every theme and save: STEM.svg and .png in light, STEM-dark.svg in dark."""
    stem = Path(stem)
    names = {theme: stem.name if theme == "light" else f"{stem.name}-{theme}" for theme in THEMES}
    paths = []
    for theme, name in names.items():
        paths += save(draw(theme), stem.with_name(name), title, picture=theme == "light")
    return paths


def svg_text(figure: Figure, title: str = "") -> str:
    """The figure as SVG: two decimals, text as paths, no date, no creator."""
    buffer = io.StringIO()
    with style.context(["default", RC]):
        figure.savefig(
            buffer, format="svg", dpi=RASTER_DPI, metadata={"Date": None, "Creator": None, **_titled(title)}
        )
    svg = METADATA.sub("", buffer.getvalue(), count=1)
    svg = COORDINATES.sub(lambda found: f'{found[1]}="{_shortest(found[2])}"', svg)
    return TRANSLATION.sub(lambda found: f"{found[1]}({NUMBER.sub(_rounded, found[2])})", svg)


def _titled(title: str) -> dict[str, str]:
    return {"Title": title} if title else {}


def _shortest(coordinates: str) -> str:
    return SPACES.sub("", " ".join(NUMBER.sub(_rounded, coordinates).split()))


def _rounded(found: re.Match[str]) -> str:
    shown = f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if shown in {"-0", ""} else shown
