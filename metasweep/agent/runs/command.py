"""From a claimed configuration to the argument list of one run: the sweep's command and its macros.

https://docs.wandb.ai/guides/sweeps/define-sweep-configuration#command
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")
ENVIRONMENT_VARIABLE = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")
ARGS_FILE = "${args_json_file}"


def forms(point: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the parameters in every form that a command can use, by the name of the macro."""
    pairs = [f"{name}={value}" for name, value in point.items()]
    return {
        "args": [f"--{pair}" for pair in pairs],
        "args_no_equals": [word for name, value in point.items() for word in (f"--{name}", str(value))],
        "args_no_hyphens": pairs,
        "args_no_boolean_flags": [
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in point.items()
            if value is not False
        ],
        "args_json": [json.dumps(dict(point))],
        "args_append_hydra": [f"+{pair}" for pair in pairs],
        "args_override_hydra": [f"++{pair}" for pair in pairs],
    }


def expand(
    command: Sequence[Any] | None,
    program: str | None,
    point: Mapping[str, Any],
    environ: Mapping[str, str],
    args_file: str,
) -> list[str]:
    """Return the argument list for one point. A macro that is not known is left out."""
    values = forms(point) | {
        "env": ["/usr/bin/env"],
        "interpreter": ["python"],
        "program": [program] if program else [],
        "args_json_file": [args_file],
    }
    words: list[str] = []
    for chunk in command or DEFAULT:
        text = ENVIRONMENT_VARIABLE.sub(lambda found: environ.get(found[1], found[1]), str(chunk))
        macro = text[2:-1] if text.startswith("${") and text.endswith("}") else None
        words += [text] if macro is None else values.get(macro, [])
    return words


def use_own_python(words: Sequence[str]) -> list[str]:
    """Return the command with the agent's own interpreter in place of a bare `python`.

    On a batch node no virtual environment is active, so `/usr/bin/env python` would be another Python.
    """
    position = 1 if words[:1] == ["/usr/bin/env"] else 0
    result = list(words)
    if result[position : position + 1] in (["python"], ["python3"]):
        result[position] = sys.executable
    return result
