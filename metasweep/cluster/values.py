"""Checks the values that a person types for a job, and brings them to one form."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from metasweep.batch import walltime

SIZE_PATTERN = re.compile(r"([1-9]\d*)\s*([kmgt])i?b?", re.IGNORECASE)
MAX_ARRAY = 10_000  # PBS's usual max_array_size


def parse_size(text: str) -> str:
    """Return '10gb' for '10gb', '10G' or '10 GiB'. Raises ValueError."""
    match = SIZE_PATTERN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a size: write a number with mb, gb or tb, such as 10gb")
    return f"{match[1]}{match[2].lower()}b"


def matching(pattern: str, refusal: str) -> Callable[[str], str]:
    """Return a parser for texts that match the whole pattern. Its ValueError ends in `refusal`."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} {refusal}")
        return text

    return parse


parse_capability = matching(
    r"(compute|sm)_\d{2,3}", "is not a compute capability: write compute_70 (7.0 or newer) or sm_70"
)
# PBS allows no space and no slash in a job's name.
parse_name = matching(
    r"[A-Za-z][\w.+-]{0,63}",
    "cannot name a job: a letter first, then letters, digits and . _ + -, 64 characters at most",
)
parse_mail = matching(r"[\w.+-]+(@[\w.-]+)?", "is not an address: write name@host")
parse_queue = matching(r"[A-Za-z0-9][\w.@-]*", "cannot be a queue")
parse_sweep = matching(
    r"[\w.-]+/[\w.-]+/[\w.-]+", "is not a sweep: write ENTITY/PROJECT/ID, as `wandb sweep` prints it"
)
# Options for the agent. They are split at spaces.
parse_words = matching(
    r"[\w ./:=,@%+-]*", "cannot be passed on: only plain words, without quotes or special characters"
)


class Checked(click.ParamType):
    """A click type that uses a parse function above. Its ValueError becomes a usage error."""

    def __init__(self, name: str, parse: Any) -> None:
        self.name = name
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed value."""
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


WALLTIME = Checked("H:MM:SS", walltime.parse)
SIZE = Checked("SIZE", parse_size)
CAPABILITY = Checked("compute_XY", parse_capability)
MAIL = Checked("ADDRESS", parse_mail)
NAME = Checked("NAME", parse_name)
QUEUE = Checked("QUEUE", parse_queue)
WORDS = Checked("OPTIONS", parse_words)
