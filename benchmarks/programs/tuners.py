"""`python -m benchmarks.programs.tuners WAY COUNT`: other tuners run the training of `probe`, without W&B.

Each runs a function in its usual way. Optuna calls it in this process. Ray Tune starts a process for each
trial; with `ray-reused` it keeps one process for all trials.
"""

from __future__ import annotations

import atexit
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from typing import Any

from benchmarks.programs import probe

LR = 0.1


def with_optuna(count: int) -> None:
    """Optuna's grid over seeds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seeds = list(range(count))
    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"seed": seeds}))
    study.optimize(lambda trial: probe.timed(LR, trial.suggest_int("seed", 0, count - 1)), n_trials=count)


def with_ray(count: int, reuse: bool = False) -> None:
    """Ray Tune's grid over seeds, one trial at a time."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    import ray
    from ray import tune

    folder = tempfile.mkdtemp(prefix="ray-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    def trial(config: dict[str, Any]) -> dict[str, float]:
        return {"loss": probe.timed(LR, config["seed"])}

    ray.init(
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=folder,
    )
    tuner = tune.Tuner(
        trial,
        param_space={"seed": tune.grid_search(list(range(count)))},
        tune_config=tune.TuneConfig(max_concurrent_trials=1, reuse_actors=reuse),
        run_config=tune.RunConfig(verbose=0, storage_path=folder),
    )
    tuner.fit()
    ray.shutdown()


def ray_is_here() -> bool:
    """Return whether Ray is installed; it is an extra."""
    return importlib.util.find_spec("ray") is not None


WAYS = {
    "optuna": with_optuna,
    "ray": with_ray,
    "ray-reused": lambda count: with_ray(count, reuse=True),
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](int(sys.argv[2]))
