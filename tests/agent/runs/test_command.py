"""The command line of a run, against what wandb's own agent makes of the same sweep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb.sdk.launch.sweeps import utils as stock

from metasweep.agent.runs.command import DEFAULT, expand, use_own_python
from metasweep.forks import warmup
from metasweep.forks.processes.program import parse

MACROS = (
    "args",
    "args_no_equals",
    "args_no_hyphens",
    "args_no_boolean_flags",
    "args_json",
    "args_json_file",
    "args_append_hydra",
    "args_override_hydra",
    "env",
    "interpreter",
    "program",
    "unheard_of",
)
VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.none(),
    st.lists(st.integers()),
)
POINTS = st.dictionaries(st.from_regex(r"[a-z][a-z_.]{0,6}", fullmatch=True), VALUES, max_size=4)
CHUNKS = st.one_of(
    st.sampled_from([f"${{{name}}}" for name in MACROS]),
    st.sampled_from(
        ["python", "-m", "train", "--out=${envvar:PLACE}", "${envvar:NOWHERE}/x", "${envvar:PLACE}"]
    ),
)


def stock_expansion(command: list[str], point: dict[str, Any], args_file: str) -> list[str]:
    """What wandb_agent.Agent._command_run starts, from the functions that it calls."""
    values = stock.create_sweep_command_args({"args": {name: {"value": v} for name, v in point.items()}})
    values |= {
        "interpreter": ["python"],
        "program": ["p.py"],
        "env": ["/usr/bin/env"],
        "args_json_file": [args_file],
    }
    words: list[str] = []
    for chunk in stock.create_sweep_command(list(command)):
        macro = chunk[2:-1] if chunk.startswith("${") and chunk.endswith("}") else None
        words += [chunk] if macro is None else values.get(macro) or []
    return words


@given(st.lists(CHUNKS, min_size=1, max_size=5), POINTS)
def test_macros_expand_as_the_stock_agent_expands_them(command: list[str], point: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACE", "/here")
        ours = expand(command, "p.py", point, {"PLACE": "/here"}, "/tmp/args.json")
        assert ours == stock_expansion(command, point, "/tmp/args.json")


def test_a_library_is_what_was_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("installed", "own"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}_module.py").touch()
        monkeypatch.syspath_prepend(tmp_path / folder)
    (tmp_path / "installed" / "some-1.0.dist-info").mkdir()
    warmup.library_folders.cache_clear()
    names = ("json", "numpy", "installed_module", "own_module", "train", "nowhere")
    found = [name for name in names if warmup.is_library(name)]
    warmup.library_folders.cache_clear()
    assert found == ["json", "numpy", "installed_module"]


def test_a_sweep_with_a_program_only() -> None:
    assert tuple(stock.DEFAULT_SWEEP_COMMAND) == DEFAULT
    assert expand(None, "p.py", {"lr": 0.1}, {}, "") == ["/usr/bin/env", "python", "p.py", "--lr=0.1"]


@pytest.mark.parametrize(
    ("words", "kind", "name", "arguments"),
    [
        (["/usr/bin/env", "python", "-m", "train", "--lr=1"], "module", "train", ("--lr=1",)),
        (["python3", "-u", "a/b.py", "x"], "script", "a/b.py", ("x",)),
        ([sys.executable, "b.py"], "script", "b.py", ()),
        (["/usr/bin/env", "A=1", "python", "b.py"], "command", "/usr/bin/env", ("A=1", "python", "b.py")),
        (["python", "-c", "print()"], "command", "python -c", ("-c", "print()")),
        (["python", "-O", "b.py"], "script", "b.py", ()),
        (["python", "-X", "dev", "b.py"], "command", "python -X", ("-X", "dev", "b.py")),
        (["/elsewhere/bin/python", "b.py"], "command", "/elsewhere/bin/python", ("b.py",)),
        (["bash", "-c", "python b.py"], "command", "bash", ("-c", "python b.py")),
    ],
)
def test_what_can_run_warm(words: list[str], kind: str, name: str, arguments: tuple[str, ...]) -> None:
    program = parse(use_own_python(words))
    assert (program.kind, program.name, program.arguments) == (kind, name, arguments)
