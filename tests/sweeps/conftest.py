"""The oracle: W&B's own search library, in the environment that the Makefile makes for it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-oracle" / "bin" / "python"
Oracle = Callable[..., Any]


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """Ask W&B's `sweeps` package: oracle("points", config, 100)."""
    if not PYTHON.exists():
        pytest.skip("W&B's sweeps package is not installed (make test does, on Python below 3.13)")
    process = subprocess.Popen(
        [PYTHON, Path(__file__).with_name("oracle_service.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(question: str, *arguments: Any) -> Any:
        print(json.dumps([question, *arguments]), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait(timeout=240)
    process.stdout.close()
