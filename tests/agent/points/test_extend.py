"""`--extend`: a sweep that has grown runs what is new, and nothing that was finished before."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from metasweep.agent.points.extend import changes
from tests.agent.conftest import PROGRAM, Workshop

SEEDS = PROGRAM.replace(
    "x = parser", 'parser.add_argument("--seed"); parser.add_argument("--n", type=int); x = parser'
)

GROUP = {value: {"parameters": {"x": {"value": value}}} for value in (1, 2)}


def config(**parameters: Any) -> dict[str, Any]:
    return {"method": "grid", "program": "p.py", "parameters": parameters}


def test_a_grown_sweep_runs_what_is_new(workshop: Workshop) -> None:
    parameters = {"x": {"values": [1, 2]}, "seed": {"value": 1}, "n": {"value": 5}}
    code, output = workshop.agent(workshop.sweep(SEEDS, parameters=parameters))
    assert code == 0, output
    first = next(word for word in output.split() if word.count("/") == 2)
    grown = parameters | {"x": {"values": [1, 2, 3]}, "seed": {"values": [1, 2]}}
    code, output = workshop.agent(workshop.sweep(SEEDS, parameters=grown), "--extend", first)
    assert code == 0, output
    assert f"finished already, in {first}: 2 of its points" in output
    second = output[output.index(f"metasweep status {first} ") :].split()[3]
    ran = Counter((run.config["x"], run.config["seed"]) for run in workshop.runs(f"{second} "))
    assert ran == Counter([(1, 2), (2, 2), (3, 1), (3, 2)])
    code, output = workshop.agent(second, "--extend", first)
    assert (code, output.count(" starts: ")) == (0, 0), output


def test_another_constant_is_not_run_unasked(workshop: Workshop) -> None:
    parameters = {"x": {"values": [1]}, "n": {"value": 5}}
    name = workshop.sweep(PROGRAM, parameters=parameters)
    _, output = workshop.agent(name, "--count", "1")
    first = next(word for word in output.split() if word.count("/") == 2)
    changed = yaml.safe_load((workshop.folder / name).read_text())
    changed["parameters"]["n"] = {"value": 6}
    (workshop.folder / name).write_text(yaml.safe_dump(changed))
    code, output = workshop.agent(name, "--extend", first)
    assert code == 2
    assert f"{first} was run with n: 5 → 6: all of its points would be run again" in output


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (config(x={"value": 1}), config(x={"value": 1}), []),
        (config(x={"value": 1}), config(x={"value": 1.0}), []),
        (config(x={"value": 1}), config(x={"values": [1, 2]}), []),
        (config(x={"values": [1, 2]}), config(x={"value": 1}), []),
        (config(x={"value": 1}), config(x={"value": 2}), ["x: 1 → 2"]),
        (config(x={"values": [1]}), config(x={"values": [1]}, y={"value": 3}), ["y: nothing → 3"]),
        (config(x={"values": [1]}, y={"value": 3}), config(x={"values": [1]}), ["y: 3 → nothing"]),
        (config(x={"values": [1]}), config(x={"values": [1]}, y={"values": [3, 4]}), []),
        (config(x={"values": [1, 2]}, y={"value": 3}), config(y={"value": 3}), ["x: several values → nothing"]),  # noqa: E501
        (config(o=GROUP[1]), config(o=GROUP[2]), ["o.x: 1 → 2"]),
        (config(x={"value": 1}) | {"program": "q.py"}, config(x={"value": 1}), ["program: q.py → p.py"]),
    ],
)  # fmt: skip
def test_what_differs_for_all_points(old: dict[str, Any], new: dict[str, Any], found: list[str]) -> None:
    assert changes(old, new) == found
