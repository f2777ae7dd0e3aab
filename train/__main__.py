"""``python -m train``: read the command line, do the run, or say in one line why not."""

import sys
from collections.abc import Sequence

import click

from train.config import parse


def main(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code. A mistake in it costs one line, not a traceback."""
    try:
        config = parse(arguments)
        from train.run import train  # torch takes seconds: a wrong option is refused before

        train(config)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        print(f"Error: {error.format_message()}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
