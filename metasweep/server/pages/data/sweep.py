"""A sweep as the page shows it: the same page as the report's, with new data while runs go on."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from metasweep import page
from metasweep.page import columns
from metasweep.server.pages import find
from metasweep.server.pages.data import live_report, progress
from metasweep.server.pages.data.live_report import LiveReport
from metasweep.server.pages.data.rows import Rows
from metasweep.server.pages.data.series import Series
from metasweep.server.pages.data.tracks import STRETCHES, Tracks
from metasweep.server.store import views
from metasweep.server.store.points.configs import config_of
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.seeds import seed_of
from metasweep.sweeps.states import FINISHED, LOST

MOST_RUNS = 50_000  # of a sweep's page, the newest
BEST = 10  # runs in the table of the best
MOST_CURVES = 4
POINT_BUDGET = 120_000  # points of all the curves together
TEXTS = ("tags", "notes")  # what people have written
WENT = "_went"  # what the report says became of runs that ended badly
FEW = 8  # points of a curve, at the least


def target(connection: sqlite3.Connection, sweep: sqlite3.Row) -> tuple[str, Literal["max", "min"] | None]:
    """Name and goal of the sweep's metric; ("", None) when it has none."""
    metric = Metric.of(config_of(connection, sweep))
    return (metric.name, metric.extreme) if metric else ("", None)


def page_data(
    connection: sqlite3.Connection,
    sweep: sqlite3.Row,
    parent: sqlite3.Row,
    tracks: Tracks,
    reported: LiveReport,
) -> page.PageData:
    """Everything on the page of a sweep; `reported`: the newest answer of the report."""
    base = find.address(parent["entity"], parent["name"])
    config = config_of(connection, sweep)
    rows = Rows.read(connection, base, "sweep", sweep["id"], MOST_RUNS, Metric.of(config))
    metrics = metric_columns(connection, rows, sweep)
    parameters, constant = parameter_columns(rows, config)
    color = metrics[0]
    details = [
        *constant,
        page.Column("_runtime", "runtime (s)", goal="min", axis=False),
        *([page.Column(WENT, "how it went", "discrete", axis=False)] if reported.words else []),
        *(page.Column(name, name, "text", axis=False, shown=any(rows.basics()[name])) for name in TEXTS),
    ]
    values = {column.name: rows.parameter(column.name) for column in [*parameters, *constant]}
    values |= {column.name: rows.metric(column.name) for column in metrics}
    return page.PageData(
        title=sweep["display_name"] or sweep["name"],
        subtitle=subtitle(connection, sweep),
        runs=rows.basics()
        | values
        | {"_runtime": rows.runtimes(), WENT: [reported.words.get(row["name"]) for row in rows.rows]},
        parameters=parameters,
        metrics=metrics,
        details=details,
        color=color.name,
        curves=curves(connection, rows, metrics, tracks),
        chance=reported.chance,
        presets=[*better_than_chance(color, reported.chance), *presets(color, values[color.name])],
        progress=progress.of_sweep(connection, sweep),
        highlights=highlights(rows, color, values[color.name]),
        sections=[
            *best_runs(rows, parameters, metrics),
            *live_report.sections(reported),
            configuration(connection, sweep),
        ],
    )


def control(connection: sqlite3.Connection, sweep: sqlite3.Row) -> dict[str, Any]:
    """What decides how a sweep can be steered: its state and method, and how many runs are under way."""
    return {
        "state": sweep["state"],
        "method": sweep["method"],
        "config": config_of(connection, sweep),
        "running": views.count_active(connection, sweep["id"]),
    }


def metric_columns(connection: sqlite3.Connection, rows: Rows, sweep: sqlite3.Row) -> list[page.Column]:
    """The metrics, the one that colours first: the sweep's own, when a run has it or none has any."""
    name, goal = target(connection, sweep)
    names = columns.metric_names(rows.summaries, name, rows.parameter_names())
    if not names or (name and name not in names and not rows.rows):
        names = [name or "_runtime", *names]
    found = [
        columns.metric(each, rows.metric(each), name, goal, shown=place < columns.SHOWN_METRICS)
        for place, each in enumerate(names)
    ]
    return [replace(found[0], axis=True), *found[1:]]


def parameter_columns(rows: Rows, config: Mapping[str, Any]) -> tuple[list[page.Column], list[page.Column]]:
    """The parameters that vary, and those that do not, with the seed, as columns of the table only.

    They come in the order of the configuration; one of which only one value has been tried yet varies too.
    """
    space = config.get("parameters") or {}
    order = {name: place for place, name in enumerate(space)}
    varying, constant = [], []
    names = rows.parameter_names()
    seed = seed_of(names, [config])
    for name in sorted(names, key=lambda name: order.get(name.partition(".")[0], len(order))):
        values = rows.parameter(name)
        continuous, log = columns.drawn_from(space.get(name))
        column = columns.parameter(name, values, continuous=continuous, log=log)
        if name == seed or not (len(set(map(repr, values))) > 1 or is_choice(space.get(name))):
            constant.append(replace(column, axis=False, seed=name == seed))
        else:
            varying.append(column)
    return varying, constant


def is_choice(space: Any) -> bool:
    """Return whether a parameter of a configuration has more than one value."""
    if not isinstance(space, dict) or "value" in space:
        return False
    return len(space.get("values", (None, None))) > 1


def subtitle(connection: sqlite3.Connection, sweep: sqlite3.Row) -> str:
    """Kind and state of the sweep in one line."""
    agents = views.agents_at_work(connection, sweep["id"])
    words = [f"{sweep['method'].capitalize()} search", sweep["state"].lower()]
    if agents:
        words.append(f"{agents} agent{'s' if agents > 1 else ''} at work")
    return " · ".join(words)


def curve_metrics(rows: Rows, metrics: Sequence[page.Column]) -> list[page.Column]:
    """The metrics that some run has logged more than once, most telling first."""
    logged: set[str] = set()
    for keys in {row["history_keys"] for row in rows.rows if row["history_lines"] > 1}:
        logged |= {name for name, kind in json.loads(keys).items() if kind == "number"}
    return [metric for metric in metrics if metric.name in logged][:MOST_CURVES]


def curves(
    connection: sqlite3.Connection, rows: Rows, metrics: Sequence[page.Column], tracks: Tracks
) -> list[page.Curve]:
    """The curves of every run, coarser when there are many."""
    chosen = curve_metrics(rows, metrics)
    if not chosen:
        return []
    found = tracks.read(connection, rows.rows, tuple(metric.name for metric in chosen))
    most = max(FEW, min(2 * STRETCHES, POINT_BUDGET // (len(chosen) * len(rows.rows))))
    made = [curve(metric, [series.get(metric.name) for series in found], most) for metric in chosen]
    return [each for each in made if any(row and len(row) > 1 for row in each.y)]


def curve(metric: page.Column, series: Sequence[Series | None], most: int) -> page.Curve:
    """One metric, by epoch when every point has one, else by step."""
    samples = [each.sample(most) if each else [] for each in series]
    by_epoch = all(point[1] is not None for sample in samples for point in sample)
    at = 1 if by_epoch else 0
    return page.Curve(
        metric,
        x=[[point[at] for point in sample] for sample in samples],
        y=[[point[2] for point in sample] for sample in samples],
        x_label="epoch" if by_epoch else "step",
        sampled=any(each and len(sample) < each.seen for each, sample in zip(series, samples, strict=True)),
    )


def shown(column: page.Column, value: Any) -> str:
    """A value of a metric as text."""
    return f"{value:.2%}".replace("%", "\u202f%") if column.kind == "accuracy" else f"{value:.4g}"


def better_than_chance(color: page.Column, chance: float | None) -> list[page.Preset]:
    """The runs that learned something, of an accuracy."""
    if chance is None or color.kind != "accuracy":
        return []
    return [page.Preset("Better than chance", color.name, minimum=chance, strict=True)]


def presets(color: page.Column, values: list[Any]) -> list[page.Preset]:
    """The best quarter of the runs."""
    found = sorted(columns.numbers(values), reverse=color.goal == "min")
    if len(found) < 8:
        return []
    limit = found[(3 * len(found)) // 4]
    if color.goal == "min":
        return [page.Preset("Best quarter", color.name, maximum=limit)]
    return [page.Preset("Best quarter", color.name, minimum=limit)]


def by_quality(rows: Rows, color: page.Column, states: Callable[[str], bool]) -> list[int]:
    """The runs in such a state that have a value, best first; of each point the first of its runs."""
    values, seen, found = rows.metric(color.name), set(), []
    for index, row in enumerate(rows.rows):
        point = -index - 1 if row["point"] is None else row["point"]
        if values[index] is not None and states(row["state"]) and point not in seen:
            seen.add(point)
            found.append(index)
    return sorted(found, key=lambda index: values[index], reverse=color.goal != "min")


def highlights(rows: Rows, color: page.Column, values: list[Any]) -> list[page.Highlight]:
    """The numbers at the top: of runs that ended well or are under way."""
    order = by_quality(rows, color, lambda state: state not in LOST)
    times = sorted(columns.numbers(rows.runtimes()))
    found = []
    if order:
        best, middle = order[0], order[len(order) // 2]
        row = rows.rows[best]
        note = row["display_name"] + ("" if row["state"] == FINISHED else f", {row['state']}")
        found.append(page.Highlight("Best run", shown(color, values[best]), note))
        found.append(page.Highlight("Median run", shown(color, values[middle]), color.label))
    if times:
        found.append(
            page.Highlight("Runtime", progress.duration(times[len(times) // 2]), "median of the runs")
        )
    return found


def best_runs(
    rows: Rows, parameters: Sequence[page.Column], metrics: Sequence[page.Column]
) -> list[page.Section]:
    """The best finished runs, one of each point, with their parameters; nothing before there is one."""
    shown_metrics = [metric for metric in metrics if metric.axis]
    urls = rows.basics()["url"]
    table = [
        [
            page.Cell(rows.rows[index]["display_name"], bold=place == 0, url=urls[index]),
            *(scalar(rows.parameters[index].get(column.name)) for column in parameters),
            *(cell(column, rows.metric(column.name)[index]) for column in shown_metrics),
        ]
        for place, index in enumerate(by_quality(rows, metrics[0], FINISHED.__eq__)[:BEST])
    ]
    heads = ["Run", *(column.label for column in [*parameters, *shown_metrics])]
    return [page.Table("Best runs", heads, table)] if table else []


def scalar(value: Any) -> str | int | float | None:
    """A parameter as a cell."""
    if isinstance(value, bool):
        return columns.as_text(value)
    return value


def cell(column: page.Column, value: Any) -> str | None:
    """A metric as a cell."""
    return None if value is None else shown(column, value)


def configuration(connection: sqlite3.Connection, sweep: sqlite3.Row) -> page.Section:
    """What was searched."""
    config = config_of(connection, sweep)
    name, goal = target(connection, sweep)
    items: list[tuple[str, str | page.Cell]] = [
        ("id", sweep["name"]),
        ("method", sweep["method"]),
        ("created", sweep["created_at"].replace("T", " ").rstrip("Z") + " UTC"),
    ]
    if name:
        items.append(("metric", f"{name}, {'maximized' if goal == 'max' else 'minimized'}"))
    for key in ("program", "command", "run_cap", "early_terminate"):
        if key in config:
            items.append((key.replace("_", " "), in_words(config[key])))
    for key, space in (config.get("parameters") or {}).items():
        items.append((key, in_words(space)))
    return page.Facts("Configuration", items)


def in_words(value: Any) -> str:
    """A part of the configuration in one line."""
    if isinstance(value, list):
        return " ".join(map(columns.as_text, value))
    if not isinstance(value, dict):
        return columns.as_text(value)
    if set(value) == {"values"} and isinstance(value["values"], list):
        return ", ".join(map(columns.as_text, value["values"]))
    if set(value) == {"value"}:
        return columns.as_text(value["value"])
    if {"min", "max"} <= set(value) <= {"min", "max", "distribution", "q"}:
        step = f" in steps of {value['q']}" if "q" in value else ""
        kind = f", {value['distribution']}" if "distribution" in value else ""
        return f"{value['min']} to {value['max']}{step}{kind}"
    if set(value) == {"parameters"} and isinstance(value["parameters"], dict):
        return "; ".join(f"{key}: {in_words(item)}" for key, item in value["parameters"].items())
    return ", ".join(f"{key} {columns.as_text(item)}" for key, item in value.items())
