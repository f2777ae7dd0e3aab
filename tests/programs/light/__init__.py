"""Small programs, one kind of behaviour each; what they observe, they leave in the folder $OUT.

Imported ahead of the runs where runs are forked, as `warm_up` asks.
"""


def warm_up(_arguments):
    """Import what the programs need."""
    import numpy  # noqa: F401
    import torch  # noqa: F401
    import wandb  # noqa: F401
