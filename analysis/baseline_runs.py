"""Logs the baselines as runs of W&B, so that its charts show them beside the trained runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import wandb

from metasweep.report.base.errors import AnalysisError
from metasweep.report.measure.baselines import SEEDS, Baselines
from metasweep.report.read.api import BASELINE
from metasweep.report.read.study import Study


def log_baselines(study: Study, found: Baselines) -> list[str]:
    """Log one run per random model and one for the majority class, in the project of the first sweep.

    Their ids follow from the data set, so a second call changes nothing.

    Returns:
        addresses of the runs.
    """
    entity, project = study.sweeps[0].path.split("/")[:2]
    data_set = hashlib.sha256(repr(sorted(study.class_counts.items())).encode()).hexdigest()[:8]
    urls = []
    for name, config, accuracy in _models(found):
        where: dict[str, Any] = {"entity": entity, "project": project, "id": f"{name}-{data_set}"}
        kind: dict[str, Any] = {"name": f"baseline {name}", "group": "baselines", "job_type": BASELINE}
        try:
            with wandb.init(**where, **kind, config=config, resume="allow") as run:
                run.summary["test/acc"] = accuracy
                urls.append(str(run.url))
        except wandb.Error as error:
            raise AnalysisError(f"The baselines cannot be logged: {' '.join(str(error).split())}") from error
    return urls


def _models(found: Baselines) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Name, config and test accuracy of every model."""
    for seed, accuracy in zip(SEEDS, found.random_by_seed, strict=True):
        yield f"random-{seed}", {"model": "random", "seed": seed}, accuracy
    yield "majority", {"model": "majority", "class": found.majority_class}, found.majority_accuracy
