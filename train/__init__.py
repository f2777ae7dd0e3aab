"""The training program, ``python -m train``. Importing the package itself loads nothing heavy."""

from collections.abc import Sequence


def warm_up(arguments: Sequence[str]) -> None:
    """Load what every run needs, once, in the process that runs will be forked from.

    ``arguments`` are those of the first run; the data set they name stays in memory, and forked runs of
    the same data set share it. Starts no thread and touches no GPU. What the first run would refuse, a
    wrong option or a missing data set, raises a `click.ClickException` here.
    """
    from train import config, data, facts, run  # noqa: F401

    first = config.parse(arguments)
    data.load(first.dataset, first.data_dir, first.val_size)
    facts.versions()
    facts.git_commit()
