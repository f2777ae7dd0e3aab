"""What the pages cost the server, however many look at them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from metasweep.server.pages.state import REST, SHARE, Answers

WORK = 0.05  # seconds of processor time


class Clock:
    """A clock that is turned by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A document that is expensive to make and changes at every look."""

    def __init__(self) -> None:
        self.version, self.made = 0, 0

    def look(self) -> int:
        self.version += 1
        return self.version

    def make(self) -> dict[str, int]:
        begun = time.thread_time()
        while time.thread_time() - begun < WORK:
            pass
        self.made += 1
        return {"made": self.made}


def test_an_expensive_answer_is_made_rarely_and_then_from_new_data() -> None:
    clock, source = Clock(), Source()
    answers = Answers(clock)
    for _ in range(1000):
        answers.get("sweep", source.look, source.make)
    assert (source.made, source.version) == (1, 1)
    clock.now += 0.9 * WORK / SHARE
    answers.get("sweep", source.look, source.make)
    assert source.made == 1
    clock.now += 100 * WORK / SHARE
    assert answers.get("sweep", source.look, source.make).plain == b'{"made":2}'


def test_an_answer_that_is_still_true_is_not_made_again() -> None:
    clock, source = Clock(), Source()
    answers = Answers(clock)
    first = answers.get("sweep", lambda: "same", source.make)
    clock.now += 1000 * REST
    assert answers.get("sweep", lambda: "same", source.make) is first
    assert answers.get("another", lambda: "same", source.make) is not first


def test_nobody_waits_for_a_newer_answer() -> None:
    clock, source = Clock(), Source()
    answers = Answers(clock)
    old = answers.get("sweep", source.look, source.make)
    clock.now += 1000
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> dict[str, int]:
        begun.set()
        go_on.wait(30)
        return {"slow": 1}

    with ThreadPoolExecutor(1) as other:
        newer = other.submit(answers.get, "sweep", source.look, slow)
        assert begun.wait(30)
        assert answers.get("sweep", source.look, source.make) is old
        go_on.set()
        assert newer.result().plain == b'{"slow":1}'
