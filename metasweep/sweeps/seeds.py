"""Which parameter only repeats runs: it is no choice, and results are averaged over its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from metasweep.sweeps.points import listed_values, parameters_by_name

NAMES = re.compile(
    r"^(.*[./_\- ])?(seeds?|random[_-]?(seed|state)|rng([_-]?(seed|key))?|manual[_-]?seed|repeat(s|_id)?"
    r"|repetition|replicate|replication|rep|trial(_id)?|fold|run(_id|_number|_index)?)$",
    re.IGNORECASE,
)


def seed_of(names: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> str:
    """Return the parameter that only repeats the runs of these sweeps; "" if there is none.

    It is known by its name, and by values that are integers or words.
    """
    found = [name for name in names if NAMES.match(name) and all(_repeats(name, each) for each in configs)]
    plain = [name for name in found if name.lower() in ("seed", "random_seed")]
    return next(iter([*plain, *found]), "")


def _repeats(name: str, config: Mapping[str, Any]) -> bool:
    """Return whether the values of a parameter can be seeds, even if the sweep does not list them.

    They are words or whole numbers, of which 1.0 is one.
    """
    parameter = parameters_by_name(config).get(name)
    if parameter is None or parameter.distribution == "int_uniform":
        return True
    return all(map(_is_word_or_whole, listed_values(config).get(name, (0.5,))))


def _is_word_or_whole(value: Any) -> bool:
    if isinstance(value, bool | str):
        return isinstance(value, str)
    return isinstance(value, int | float) and value == value // 1
