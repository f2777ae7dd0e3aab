"""Downloads a data set before a job needs it: `python -m metacentrum.data NAME`, a step of setup.sh."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name", type=click.Choice(["mnist", "fashion-mnist", "digits"]))
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("data"), show_default=True
)
def main(name: str, data_dir: Path) -> None:
    """Load the data set NAME as a run would, which downloads it when it is not there yet."""
    from train.data import load
    from train.errors import TrainError

    try:
        found = load(name, data_dir, 0.1)
    except TrainError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name}: {len(found.train) + len(found.val)} training and {len(found.test)} test images")


if __name__ == "__main__":
    main()
