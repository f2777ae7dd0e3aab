"""The report: one folder with a README.md, its figures and its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from metasweep import page
from metasweep.report import figures
from metasweep.report.base.words import in_html, in_markdown, link
from metasweep.report.measure.status import completeness
from metasweep.report.read.study import Study
from metasweep.report.sections import make
from metasweep.report.sections.section import Chart, Choices, Section
from metasweep.report.write.data import write_data, writing
from metasweep.report.write.formats import FIGURE, FORMATS, SUFFIXES, markdown
from metasweep.report.write.interactive import page_data

Progress = Callable[[int, int], None]  # called with the number of figures drawn, and of all


def write_report(
    study: Study, folder: Path, choices: Choices, progress: Progress = lambda _done, _all: None
) -> Path:
    """Write everything and return the path of the README.md.

    Raises:
        AnalysisError: the folder cannot be written.
    """
    with writing(folder):
        sections = make(study, choices, choices.sections)
        charts = [chart for section in sections for chart in section.charts]
        write_charts(charts, subfolder(folder, "figures"), progress)
        for section in sections:
            write_tables(section, subfolder(folder, "tables"))
        write_data(study, subfolder(folder, "data"))
        interactive = page_data(study, sections, folder / "figures", choices)
        (folder / "index.html").write_text(page.render(interactive), encoding="utf-8")
        readme = folder / "README.md"
        readme.write_text(readme_text(study, sections), encoding="utf-8")
    return readme


def write_charts_of(study: Study, folder: Path, choices: Choices, progress: Progress) -> list[Path]:
    """Write only the figures, all of them, into a folder.

    Raises:
        AnalysisError: the folder cannot be written.
    """
    with writing(folder):
        charts = [chart for section in make(study, choices, choices.sections) for chart in section.charts]
        return write_charts(charts, folder, progress)


def write_charts(charts: Sequence[Chart], folder: Path, progress: Progress) -> list[Path]:
    """Draw figures: SVG in both themes and PNG in light. Return the paths of the files.

    One after the other: a figure takes 0.3 s, another process 2 s of processor time before its first one.
    """
    paths: list[Path] = []
    for done, chart in enumerate(charts, 1):
        paths += write_chart(chart, folder)
        progress(done, len(charts))
    return paths


def write_chart(chart: Chart, folder: Path) -> list[Path]:
    """Draw one figure."""
    return figures.save_themes(lambda theme: chart.draw(theme=theme), folder / chart.name, chart.title)


def subfolder(folder: Path, name: str) -> Path:
    """Return a folder in the report; create it if needed."""
    path = folder / name
    path.mkdir(exist_ok=True)
    return path


def write_tables(section: Section, folder: Path) -> None:
    """Every table as Markdown, LaTeX, CSV and JSON."""
    for name, listing in section.listings.items():
        for format_name, suffix in SUFFIXES.items():
            (folder / f"{name}{suffix}").write_text(FORMATS[format_name](listing), encoding="utf-8")


def title_of(study: Study) -> str:
    """The names of its sweeps."""
    return " + ".join(dict.fromkeys(sweep.name for sweep in study.sweeps)) or "Runs"


def readme_text(study: Study, sections: Sequence[Section]) -> str:
    """Return the README: the sections in order, with figures in the reader's light or dark theme."""
    links = ", ".join(link(sweep.path, sweep.url) for sweep in study.sweeps)
    parts = [
        f"# {in_markdown(title_of(study))}",
        f"{completeness(study).summary.capitalize()}. {links}",
        "[Interactive page](index.html) · data: [runs](data/runs.parquet), "
        "[histories](data/history.parquet), [what their columns mean](data/README.md)",
    ]
    drawn = {chart.name for section in sections for chart in section.charts}
    for section in sections:
        text = FIGURE.sub(lambda found: found[0] if found[1] in drawn else "", section.text)
        parts += [f"## {section.title}", text]
        parts += [_picture(chart) for chart in section.charts]
        parts += [markdown(listing).strip() for listing in section.listings.values()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _picture(chart: Chart) -> str:
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="figures/{chart.name}-dark.svg">'
    image = f'<img alt="{in_html(chart.title)}" src="figures/{chart.name}.svg">'
    caption = f"\n\n{chart.caption}" if chart.caption else ""
    return f"<picture>{dark}{image}</picture>{caption}"
