"""Provenance: the origin of all results."""

from __future__ import annotations

import pandas as pd
import yaml

from metasweep.report.base.words import fenced, in_markdown, link, parameter_name, value
from metasweep.report.measure.status import completeness
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Choices, Section

TITLE = "Provenance"


def section(study: Study, _choices: Choices) -> Section:
    """Sweeps and their configurations, code, devices, dates, completeness, and every run with its link."""
    lines = [f"- {name}: {in_markdown(text)}" for name, text in facts(study).items()]
    configurations = [
        f"Sweep {link(sweep.path, sweep.url)} ({in_markdown(sweep.state.lower()) or 'runs of no sweep'}):\n\n"
        f"{fenced(yaml.safe_dump(dict(sweep.config), sort_keys=False).strip(), 'yaml')}"
        for sweep in study.sweeps
    ]
    text = "\n\n".join(
        ["\n".join(lines), *configurations, "Every run with its link: [data/runs.csv](data/runs.csv)."]
    )
    return Section(TITLE, text)


def facts(study: Study) -> dict[str, str]:
    """What is known of all the runs together, by name."""
    runs = study.runs
    dates = [f"{date:%Y-%m-%d %H:%M}" for date in (runs["created_at"].min(), runs["updated_at"].max())]
    constants = ", ".join(f"{parameter_name(name)} {value(item)}" for name, item in study.constants.items())
    found = {
        "Points": completeness(study).summary,
        "Runs": f"{len(runs)}, from {dates[0]} to {dates[1]} UTC",
        "Code": _distinct(runs["commit"]),
        "Versions": _distinct(runs["versions"], " | "),
        "Device": _distinct(runs["device"]),
        "Constants": constants,
        "Selection": study.where,
        "Metric": _metric_facts(study),
        "Seed": _seed_facts(study),
        "Notes": " ".join(study.notes),
    }
    return {name: text for name, text in found.items() if text}


def _metric_facts(study: Study) -> str:
    """Return what configurations are chosen by, what is reported, and how these metrics are understood."""
    chosen, reported = study.metric, study.reported
    kinds = {"accuracy": "an accuracy, in per cent", "loss": "a loss", "other": "a metric of no known kind"}
    unit = f", unit {chosen.unit}" if chosen.unit else ""
    words = f"{chosen.name} ({kinds[chosen.kind]}, {chosen.goal}{unit})"
    return (
        f"chosen by {words}, reported is {reported.name}"
        if reported != chosen
        else f"chosen by and reported {words}"
    )


def _seed_facts(study: Study) -> str:
    if not study.seed:
        return "no parameter repeats the runs"
    return f"the parameter {study.seed}"


def _distinct(values: pd.Series, between: str = ", ") -> str:
    return between.join(sorted({str(text) for text in values if text}))
