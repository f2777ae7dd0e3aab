"""A short form of `python -m tests.server.fuzz`: what mutated requests get is never a 500."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tests.server import fuzz


def test_no_mutated_request_breaks_anything() -> None:
    with ThreadPoolExecutor(1) as own:  # the thread of the tests has an event loop once a browser was started
        found = own.submit(asyncio.run, fuzz.run(1_000, seed=0)).result()
    assert not any(status >= 500 for status in found), found
    assert found[200] > 100, "many get beyond the first check"
