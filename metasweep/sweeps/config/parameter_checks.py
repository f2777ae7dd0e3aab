"""What is wrong with the parameters of a sweep config."""

import re
from collections.abc import Callable, Mapping
from math import isclose
from typing import Any

from metasweep.sweeps.config.problems import (
    LARGEST_NUMBER,
    Problem,
    Problems,
    check_choice,
    check_meant_as_number,
    check_number,
    check_plain,
    shown,
    suggestion,
    unknown_keys,
)
from metasweep.sweeps.parameters import DISTRIBUTIONS, infer_distribution, is_number
from metasweep.sweeps.search.quantiles import LARGEST_EXPONENT

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_DEEPEST = 32
_EXPONENT_DISTRIBUTIONS = ("log_uniform", "q_log_uniform", "inv_log_uniform")


def check_parameters(place: str, specs: Any, depth: int = 1) -> Problems:
    """Return the problems of the `parameters` of a sweep or of a group of parameters."""
    if not isinstance(specs, Mapping) or not specs:
        yield Problem(place, f"must be a mapping of at least one parameter, not {shown(specs)}")
    elif depth > _DEEPEST:
        yield Problem(place, f"nested more than {_DEEPEST} levels deep")
    else:
        for name, spec in specs.items():
            yield from _check_parameter(f"{place}.{name}", name, spec, depth)


def _check_parameter(place: str, name: Any, spec: Any, depth: int) -> Problems:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Problem(place, "a parameter's name has letters, digits and _ . - and begins with a letter or _")
    elif not isinstance(spec, Mapping):
        kind = "values" if isinstance(spec, list) else "value"
        yield Problem(place, f"must be a mapping, such as {{{kind}: {shown(spec)}}}")
    elif "parameters" in spec:
        yield from unknown_keys(place, spec, ("parameters",))
        yield from check_parameters(f"{place}.parameters", spec["parameters"], depth + 1)
    else:
        yield from _check_spec(place, spec)


def _check_spec(place: str, spec: Mapping[Any, Any]) -> Problems:
    name = infer_distribution(spec)
    if name is None:
        yield from _check_unclear(place, spec)
        return
    wrong_name = list(check_choice(f"{place}.distribution", name, DISTRIBUTIONS))
    if wrong_name:
        yield from wrong_name
        return
    distribution = DISTRIBUTIONS[name]
    for key in distribution.required:
        if key not in spec:
            yield Problem(f"{place}.{key}", f"missing: {name} needs it")
    known = ("distribution", *distribution.required, *distribution.defaults)
    yield from unknown_keys(place, spec, known)
    if name == "categorical" and "probabilities" in spec:
        yield Problem(f"{place}.distribution", "with probabilities, it is categorical_w_probabilities")
    for key in known:
        if key in spec and key in _CHECKS:
            yield from _CHECKS[key](f"{place}.{key}", spec, name)


def _check_unclear(place: str, spec: Mapping[Any, Any]) -> Problems:
    """Describe a parameter whose distribution is neither named nor implied: a key is missing or misspelt."""
    known = ("distribution", "parameters", *_CHECKS)
    misspelt = [key for key in spec if key not in known and suggestion(key, known)]
    yield from unknown_keys(place, dict.fromkeys(misspelt), known)
    if not misspelt:
        yield Problem(place, "needs value, values, min and max, a distribution, or parameters")


def _check_value(place: str, spec: Mapping[str, Any], _: str) -> Problems:
    yield from check_plain(place, spec["value"])
    yield from check_meant_as_number(place, spec["value"])


def _check_values(place: str, spec: Mapping[str, Any], _: str) -> Problems:
    if not isinstance(spec["values"], list) or not spec["values"]:
        yield Problem(place, f"must be a list of at least one value, not {shown(spec['values'])}")
        return
    for position, value in enumerate(spec["values"]):
        yield from check_plain(f"{place}[{position}]", value)
        yield from check_meant_as_number(f"{place}[{position}]", value)


def _check_probabilities(place: str, spec: Mapping[str, Any], _: str) -> Problems:
    shares, values = spec["probabilities"], spec.get("values")
    if not isinstance(shares, list) or not shares:
        yield Problem(place, f"must be a list of numbers, not {shown(shares)}")
        return
    wrong = [p for i, share in enumerate(shares) for p in check_number(f"{place}[{i}]", share, least=0)]
    yield from wrong
    if isinstance(values, list) and len(values) != len(shares):
        yield Problem(place, f"has {len(shares)} entries for {len(values)} values")
    if not wrong and not isclose(sum(shares), 1, rel_tol=1e-5, abs_tol=1e-8):
        yield Problem(place, f"must sum to 1, not {sum(shares):g}")


def _check_min(place: str, spec: Mapping[str, Any], name: str) -> Problems:
    low, high = spec["min"], spec.get("max")
    wrong = list(check_number(place, low, above=_lower_limit(name), integer=name == "int_uniform"))
    yield from wrong
    if not wrong and is_number(high) and not low < high:
        yield Problem(place, f"must be below max, but {low} is not below {high}")
    if name in _EXPONENT_DISTRIBUTIONS:
        yield Problem(
            place.removesuffix(".min"),
            f"{name} takes min and max as exponents of e; {name}_values takes them as they are",
            "warning",
        )


def _check_max(place: str, spec: Mapping[str, Any], name: str) -> Problems:
    yield from check_number(place, spec["max"], integer=name == "int_uniform")
    if name in _EXPONENT_DISTRIBUTIONS:
        exponents: list[Any] = [value for value in (spec["max"], spec.get("min")) if is_number(value)]
        if any(abs(exponent) > LARGEST_EXPONENT for exponent in exponents):
            yield Problem(place, f"exponents go to ±{LARGEST_EXPONENT:g}: did you mean {name}_values?")


def _lower_limit(name: str) -> float | None:
    return 0 if name.endswith("_values") else None


def _number(**limits: Any) -> Callable[[str, Mapping[str, Any], str], Problems]:
    return lambda place, spec, _: check_number(place, spec[place.rpartition(".")[2]], **limits)


_CHECKS: Mapping[str, Callable[[str, Mapping[str, Any], str], Problems]] = {
    "value": _check_value,
    "values": _check_values,
    "probabilities": _check_probabilities,
    "min": _check_min,
    "max": _check_max,
    "q": _number(least=1 / LARGEST_NUMBER),
    "mu": _number(),
    "sigma": _number(least=0),
    "a": _number(above=0),
    "b": _number(above=0),
}
