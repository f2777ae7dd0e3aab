"""Hydra: an application that changes nothing of the folder that it is in."""

import os

import hydra
from omegaconf import DictConfig


@hydra.main(version_base=None, config_path=None)
def main(config: DictConfig) -> None:
    with open(os.environ["OUT"] + "/config", "w") as file:
        file.write(str(config))


if __name__ == "__main__":
    import sys

    out = os.environ["OUT"]
    sys.argv[1:] = ["+lr=0.1", "hydra.output_subdir=null", f"hydra.run.dir={out}", "hydra/job_logging=disabled"]
    main()
