"""A short form of `python -m tests.server.fuzz`: what mutated requests get is never a 500."""

from tests import loops
from tests.server import fuzz


def test_no_mutated_request_breaks_anything() -> None:
    found = loops.run(lambda: fuzz.run(1_000, seed=0))
    assert not any(status >= 500 for status in found), found
    assert found[200] > 100, "many get beyond the first check"
