"""The training program, ``python -m train``. Importing the package itself loads nothing heavy."""

from collections.abc import Sequence


def warm_up(arguments: Sequence[str]) -> None:
    """Load what every run needs, once, in the process from which runs are forked.

    ``arguments`` are those of the first run. Its data set stays in memory, and forked runs with the same data
    set share it. Starts no thread and touches no GPU. Raises `click.ClickException` for what the first run
    would refuse: a wrong option or a missing data set.
    """
    from train import config, data, facts, run  # noqa: F401

    first = config.parse(arguments)
    data.load(first.dataset, first.data_dir, first.val_size)
    facts.versions()
    facts.git_commit()
