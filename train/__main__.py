"""``python -m train``: reads the command line and does the run, or says in one line why not."""

import sys
from collections.abc import Sequence

import click

from train.config import parse


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code. An error in it gives one line, not a traceback."""
    try:
        config = parse(arguments)
        from train.run import train  # importing torch takes seconds; refuse a wrong option before

        train(config)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        print(f"Error: {error.format_message()}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
