"""A short time under the killer of `make chaos`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.chaos import SERVER_OPTIONS, survive, tiny
from tests.agent.disk import small_disk
from tests.conftest import ServerProcess, make_server

BLOWS = 16


@pytest.fixture
def disk() -> Iterator[Path | None]:
    """A disk to fill, if this user may have one."""
    with small_disk() as found:
        yield found


@pytest.fixture
def server(disk: Path | None) -> Iterator[ServerProcess]:
    """A server that gives a run up after a short time, and a point never."""
    yield from make_server(*SERVER_OPTIONS, parent=disk)


@pytest.mark.usefixtures("client_env")
def test_a_sweep_survives_a_killer(server: ServerProcess, disk: Path | None) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    survived = survive(server, tiny(points=24), BLOWS, seed, seconds=540, disk=disk)
    print(survived)
