"""How a client wants its metrics drawn: `define_metric` and `wandb.plot`.

This is in the run's config under `_wandb`: `m` holds the client's MetricRecord messages with numbered fields
(1 name, 2 glob, 5 index of the step metric in the list, from 1), `visualize` holds the panels of plots.
"""

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = {  # the client's presets -> how they are drawn
    "wandb/line/v0": "line",
    "wandb/lineseries/v0": "line",
    "wandb/area-under-curve/v0": "line",
    "wandb/scatter/v0": "scatter",
    "wandb/bar/v0": "bar",
    "wandb/histogram/v0": "histogram",
    "wandb/confusion_matrix/v1": "matrix",
}
# A preset's field names -> x, y, group (one line each) and value (of a cell or a bin).
FIELDS = {
    "x": "x",
    "step": "x",
    "label": "x",
    "Actual": "x",
    "y": "y",
    "lineVal": "y",
    "Predicted": "y",
    "stroke": "group",
    "lineKey": "group",
    "class": "group",
    "value": "value",
    "nPredictions": "value",
}


@dataclass(frozen=True)
class Plot:
    """A plot of a logged table: which of its columns are x, y, group and value."""

    key: str
    table: str  # the key under which the table was logged
    kind: str
    title: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Definitions:
    """The definitions of a run's client."""

    steps: Sequence[tuple[str, str]] = ()  # (name or glob of a metric, its step metric)
    plots: Sequence[Plot] = field(default_factory=tuple)

    def step_of(self, metric: str) -> str | None:
        """Return the metric that is the x axis of another one; None: the step.

        An exact name wins over a glob.
        """
        matching = [step for name, step in self.steps if fnmatch.fnmatchcase(metric, name)]
        named = [step for name, step in self.steps if name == metric]
        return next(iter([*named, *matching]), None)


def read(config: str) -> Definitions:
    """Read the definitions in a run's config. Entries in an unknown form are skipped."""
    internal = json.loads(config).get("_wandb")
    internal = internal.get("value") if isinstance(internal, dict) else None
    if not isinstance(internal, dict):
        return Definitions()
    panels = internal.get("visualize")
    plots = [plot(key, panel) for key, panel in panels.items()] if isinstance(panels, dict) else []
    return Definitions(steps(internal.get("m")), [each for each in plots if each])


def steps(records: Any) -> list[tuple[str, str]]:
    """The metrics that have a step metric."""
    found = []
    items = [record if isinstance(record, dict) else {} for record in records or ()]
    for record in items:
        name, place = record.get("1") or record.get("2"), record.get("5")
        if isinstance(name, str) and isinstance(place, int) and 1 <= place <= len(items):
            step = items[place - 1].get("1")
            if isinstance(step, str) and step != name:
                found.append((name, step))
    return found


def plot(key: str, panel: Any) -> Plot | None:
    """Read a panel as a plot; None if it is not a panel or of an unknown kind."""
    try:
        config = panel["panel_config"]
        kind = KINDS.get(config["panelDefId"])
        query = config["userQuery"]["queryFields"][0]["fields"]
        (table,) = (part["args"][0]["value"] for part in query if part["name"] == "summaryTable")
        names = config["fieldSettings"]
        title = config.get("stringSettings", {}).get("title") or key
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    if kind is None or not isinstance(names, Mapping):
        return None
    fields = {FIELDS[field]: name for field, name in names.items() if field in FIELDS and name}
    if kind == "bar":
        fields["y"] = fields.pop("value", "value")
    return Plot(key, str(table), kind, str(title), fields)
