"""The runs of a project or a sweep through wandb's public API, in few requests."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

PAGE = 500
"""Runs a request."""


def read_runs(api: Any, project: str, filters: Mapping[str, Any]) -> Iterable[Any]:
    """Return runs with their configs and summaries, one request for each `PAGE` of them.

    By default newer clients list runs without these, and ask once more for each run whose config is used;
    older ones always send them.

    Args:
        api: a `wandb.Api`.
        project: ENTITY/PROJECT.
        filters: which runs, as `wandb.Api().runs` takes it.
    """
    whole = {"lazy": False} if "lazy" in inspect.signature(api.runs).parameters else {}
    return api.runs(project, filters=dict(filters), per_page=PAGE, **whole)
