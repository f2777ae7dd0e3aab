"""A short time under the killer of `make chaos`."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.agent.chaos import SERVER_OPTIONS, survive, tiny
from tests.conftest import ServerProcess, make_server

BLOWS = 16


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    """A server that gives runs up early and points never."""
    yield from make_server(*SERVER_OPTIONS)


@pytest.mark.usefixtures("client_env")
def test_a_sweep_survives_a_killer(server: ServerProcess) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    survived = survive(server, tiny(points=24), BLOWS, seed, seconds=240)
    print(survived)
    assert sum(survived.values()) >= BLOWS / 2
