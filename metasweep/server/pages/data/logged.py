"""What a run has logged, read from its history: charts, histograms, media and plots."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metasweep.page import columns
from metasweep.server.pages import find
from metasweep.server.pages.data.definitions import Definitions, Plot
from metasweep.server.pages.data.series import Series, not_finite, number
from metasweep.server.store.runs import history

STRETCHES = 150  # of a chart: up to 300 points; with more, the extremes of at most 150 stretches
MOST_CHARTS = 300
MOST_STEPS = 40  # of one medium or one histogram
INTERNAL = ("_timestamp", "_runtime", "_step", "_wandb")
FILE_KINDS = {
    "image-file": "image",
    "html-file": "html",
    "table-file": "table",
    "audio-file": "audio",
    "video-file": "video",
}
CLIENT_ARTIFACT = "wandb-client-artifact://"
Address = Callable[[str, str], str]  # (kind, name) -> the URL for the browser


@dataclass
class Logged:
    """The history of a run, read line by line."""

    definitions: Definitions
    address: Address
    series: dict[str, Series] = field(default_factory=dict)
    histograms: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    media: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    # the newest value of each metric that is a step metric
    latest: dict[str, Any] = field(default_factory=dict)

    def take(self, row: Mapping[str, Any]) -> None:
        """Read one line."""
        self.latest |= {step: row[step] for _, step in self.definitions.steps if step in row}
        step, time = number(row.get("_step")), number(row.get("_runtime"))
        for key, value in row.items():
            if key not in INTERNAL:
                self._take_value(key, value, (step, time))

    def _take_value(self, key: str, value: Any, at: tuple[Any, Any]) -> None:
        defined = self.definitions.step_of(key)
        places = (*at, number(self.latest.get(defined)) if defined else None)
        if number(value) is not None:
            self._series(key).add((*places, value))
        elif (sign := not_finite(value)) is not None:
            self._series(key).mark((*places, sign))
        elif isinstance(value, dict) and "_type" in value:
            self._take_medium(key, value, at[0])
        elif isinstance(value, dict):
            for name, item in value.items():
                self._take_value(f"{key}.{name}", item, at)

    def _take_medium(self, key: str, value: dict[str, Any], step: Any) -> None:
        if (bins := histogram(value)) is not None:
            self.histograms.setdefault(key, []).append({"step": step, **bins})
        elif (shown := medium(value, self.address)) is not None:
            self.media.setdefault(key, []).append({"step": step, **shown})

    def _series(self, key: str) -> Series:
        return self.series.setdefault(key, Series(STRETCHES))


def read(connection: sqlite3.Connection, run_id: int, definitions: Definitions, address: Address) -> Logged:
    """The whole history of a run."""
    logged = Logged(definitions, address)
    for text in history.lines(connection, "history", run_id):
        logged.take(json.loads(text))
    return logged


def charts(series: Mapping[str, Series], definitions: Definitions) -> list[dict[str, Any]]:
    """Return one chart per metric, by name."""
    return [chart(key, each, definitions.step_of(key)) for key, each in sorted(series.items())[:MOST_CHARTS]]


def chart(key: str, series: Series, defined: str | None = None) -> dict[str, Any]:
    """Return one metric: steps, seconds, its own step metric if defined, values, and the non-finite ones."""
    points = series.sample()
    values = [point[-1] for point in points]
    made: dict[str, Any] = {
        "key": key,
        "step": [point[0] for point in points],
        "time": [point[1] for point in points],
        "y": [float(f"{value:.6g}") for value in values],
        "seen": series.seen,
        "sampled": series.sampled,
        "marks": [list(mark) for mark in series.marks],
        "marked": sum(series.marked.values()),
        "kind": columns.metric(key, values, "", None).kind,
    }
    if defined:
        made |= {"defined": [point[2] for point in points], "defined_label": defined}
    return made


def histogram(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the edges and counts of a logged histogram; None for other values.

    The client has two forms of it.
    """
    if value.get("_type") != "histogram" or not isinstance(value.get("values"), list):
        return None
    counts, packed = value["values"], value.get("packedBins")
    edges = value.get("bins")
    if isinstance(packed, dict):
        size, low = number(packed.get("size")), number(packed.get("min"))
        if size is None or low is None:
            return None
        edges = [low + size * at for at in range(len(counts) + 1)]
    sound = isinstance(edges, list) and len(edges) == len(counts) + 1
    if not sound or any(number(each) is None for each in [*edges, *counts]):  # type: ignore[misc]
        return None
    return {"edges": [float(f"{edge:.6g}") for edge in edges or ()], "counts": counts}


def spread(items: list[dict[str, Any]], most: int = MOST_STEPS) -> list[dict[str, Any]]:
    """Return at most `most` items, evenly spread, including the first and the newest."""
    if len(items) <= most:
        return items
    return [items[round(at * (len(items) - 1) / (most - 1))] for at in range(most)]


def medium(value: Mapping[str, Any], address: Address) -> dict[str, Any] | None:
    """Return a logged image, HTML or Table as a kind and the URLs of its files; None for other values."""
    kind, path = value.get("_type"), value.get("path")
    if kind == "images/separated" and isinstance(value.get("filenames"), list):
        captions = value.get("captions") if isinstance(value.get("captions"), list) else []
        names = [name for name in value["filenames"] if isinstance(name, str)]
        return {"type": "image", "urls": [address("file", name) for name in names], "captions": captions}
    if kind not in FILE_KINDS or not isinstance(path, str):
        return None
    made = {"type": FILE_KINDS[kind], "urls": [address("file", path)], "captions": [value.get("caption")]}
    whole = value.get("artifact_path")
    if kind == "table-file" and isinstance(whole, str) and whole.startswith(CLIENT_ARTIFACT):
        # The run's own file has texts in place of images; the artifact has the images.
        made["artifact"] = address("artifact", whole.removeprefix(CLIENT_ARTIFACT))
    return made


def plots(found: list[Plot], media: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the plots whose table was logged, each with the URL of the newest table."""
    return [
        {
            "key": plot.key,
            "kind": plot.kind,
            "title": plot.title,
            "fields": plot.fields,
            "url": media[plot.table][-1].get("artifact") or media[plot.table][-1]["urls"][0],
        }
        for plot in found
        if plot.table in media and media[plot.table][-1]["type"] == "table"
    ]


def file_address(run_base: str, project_base: str) -> Address:
    """Return the function that gives the URLs of a run's files and of its project's artifact files."""

    def address(kind: str, name: str) -> str:
        base = f"{run_base}/files" if kind == "file" else f"{project_base}/artifacts"
        return base + find.address(*name.split("/"))

    return address
