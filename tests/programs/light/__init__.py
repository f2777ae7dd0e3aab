"""Small programs, one kind of behaviour each; what they observe, they leave in the folder $OUT.

Imported ahead of the runs where runs are forked, as `warm_up` asks.
"""

import os
import sys

os.environ["LIGHT"] = "set by the import of the package"
os.environ.pop("LESSOPEN", None)
sys.path.insert(0, "/nowhere")


def warm_up(_arguments):
    """Import what the programs need."""
    import numpy  # noqa: F401
    import torch  # noqa: F401
    import wandb  # noqa: F401
