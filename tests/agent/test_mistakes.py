"""Every mistake that a person can make gets one line and an exit code."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from metasweep.client import sweep
from tests.agent.conftest import Workshop


def last_line(output: str) -> str:
    assert "Traceback" not in output, output
    return output.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("method: grid\nparameters: {x: [1", "not YAML"),
        ("- 1\n", "is not a sweep"),
        ("method: gird\nparameters: {x: {value: 1}}\nprogram: p.py\n", "'gird' is none of grid, random"),
        ("method: grid\nprogram: p.py\n", "parameters"),
        ("method: grid\nparameters: {x: 3}\nprogram: p.py\n", "parameters.x"),
        ("method: grid\nparameters: {x: {value: 1}}\n", "neither `command:` nor `program:`"),
        ("method: grid\nparameters: {x: {value: 1}}\ncommand: python x\n", "command: expected a list"),
        (
            "method: grid\nparameters: {x: {value: 1}}\ncommand: ['${args_no_boolean_flags}']\n",
            "names no program",
        ),
        (
            "method: grid\nparameters: {x: {value: 1}}\ncommand: ['${interpreter}', '${args}']\n",
            "names no program",
        ),
    ],
)
def test_a_yaml_that_is_no_sweep(workshop: Workshop, text: str, words: str) -> None:
    workshop.write("sweep.yaml", text)
    code, output = workshop.agent("sweep.yaml")
    assert code == 2
    assert words in last_line(output)


def test_a_wrong_option(workshop: Workshop) -> None:
    code, output = workshop.agent("sweep.yaml", "--wrkers", "2")
    assert code == 2
    assert "No such option" in last_line(output)
    code, output = workshop.agent("sweep.yaml", "--workers", "0")
    assert code == 2
    assert "neither a number from 1 nor auto" in last_line(output)
    code, output = workshop.agent("missing.yaml")
    assert (code, last_line(output)) == (2, "Error: missing.yaml: no such file")
    code, output = workshop.agent("e/p/q/r")
    assert code == 2
    assert "neither ENTITY/PROJECT/ID nor a YAML file" in last_line(output)


def test_a_sweep_that_does_not_exist(workshop: Workshop) -> None:
    code, output = workshop.agent("nobody/nothing/nosweep1")
    assert code == 1
    assert "no sweep nobody/nothing/nosweep1" in last_line(output)


def test_no_key_and_a_wrong_key(workshop: Workshop) -> None:
    sweep = workshop.sweep()
    code, output = workshop.agent(sweep, environ={"WANDB_API_KEY": ""})
    assert code == 1
    assert "no API key for http://127.0.0.1" in last_line(output)
    code, output = workshop.agent(sweep, environ={"WANDB_API_KEY": "0" * 40})
    assert code == 1
    assert "refuses the key in WANDB_API_KEY" in last_line(output)


def test_no_server_and_something_that_is_no_server(workshop: Workshop) -> None:
    sweep = workshop.sweep()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        code, output = workshop.agent(sweep, environ={"WANDB_BASE_URL": address})
    assert code == 1
    assert f"no W&B server answers at {address}" in last_line(output)
    code, output = workshop.agent(sweep, environ={"WANDB_BASE_URL": "localhost:8080"})
    assert code == 1
    assert "is not the address of a server" in last_line(output)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WANDB_BASE_URL", "http://[::1", "is not the address of a server"),
        ("WANDB_BASE_URL", "http://127.0.0.1:99999", "is not the address of a server"),
        ("WANDB_API_KEY", "kľúč", "contains characters that no key has"),
        ("WANDB_DIR", "/proc/nowhere", "cannot write to /proc/nowhere/wandb"),
    ],
)
def test_an_environment_that_cannot_be(workshop: Workshop, name: str, value: str, words: str) -> None:
    code, output = workshop.agent(workshop.sweep(), environ={name: value})
    assert code == 1
    assert words in last_line(output)


def test_a_parameter_that_the_program_does_not_know(workshop: Workshop) -> None:
    parameters: dict[str, Any] = {"x": {"values": list(range(50))}, "y": {"value": 1}}
    code, output = workshop.agent(workshop.sweep(parameters=parameters), "--workers", "1")
    assert code == 4
    assert "the program refuses its arguments" in output
    assert "unrecognized arguments: --y=1" in output
    assert len(workshop.logs()) == 1


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["${env}", "python", "nothing.py", "${args}"], "there is no nothing.py."),
        (["${env}", "python", "-u", "-m", "nothing.train"], "there is no module nothing, here or installed."),
        (["./nothing", "${args}"], "there is no command ./nothing."),
        (["${env}", "./sweep.yaml", "${args}"], "./sweep.yaml is not executable (chmod +x ./sweep.yaml)."),
        (["${env}", "pyhton", "program.py", "${args}"], "there is no command pyhton."),
    ],
)
def test_a_program_that_cannot_be_started(workshop: Workshop, command: list[str], words: str) -> None:
    code, output = workshop.agent(workshop.sweep(command=command))
    assert code == 2
    assert words in last_line(output)
    assert "sweep root/" not in output, "none is made in vain"


def test_another_folder_than_the_program_s(workshop: Workshop) -> None:
    _, output = workshop.agent(workshop.sweep(metric={"name": "Score", "goal": "maximize"}), "--count", "1")
    name = next(word for word in output.split() if word.count("/") == 2)
    assert "has finished without a number Score, the sweep's metric: it logged score" in output
    (workshop.folder / "program.py").rename(workshop.folder / "renamed.py")
    code, output = workshop.agent(name)
    assert code == 2
    assert f"cannot be started from {workshop.folder}: there is no program.py." in last_line(output)
    (workshop.folder / "renamed.py").rename(workshop.folder / "program.py")
    code, output = workshop.agent(name)
    assert code == 0, "no point was lost"
    assert "3 of 3 runs done" in output


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("http://localhost:8080/me/mnist/sweeps/abc123?nw=x", "me/mnist/abc123"),
        ("https://wandb.ai/me/mnist/sweeps/abc123/", "me/mnist/abc123"),
        (" 'me/mnist/abc123' ", "me/mnist/abc123"),
        ('"mnist/abc123"', "/mnist/abc123"),
    ],
)
def test_a_pasted_address_and_quotes(argument: str, name: str) -> None:
    assert str(sweep.parse_name(argument, None, None)) == name
