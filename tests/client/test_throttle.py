"""Limits that a server tells of are honoured by everyone who asks, and said once."""

from __future__ import annotations

import email.utils
import time

import pytest

from metasweep.client.throttle import LONGEST_SECONDS, SPREAD, UNKNOWN_SECONDS, Throttle

SOON = email.utils.formatdate(time.time() + 3600, usegmt=True)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"RateLimit-Limit": "1000", "RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, 40),
        (429, {"Retry-After": "7"}, 7),
        (429, {"Retry-After": SOON}, LONGEST_SECONDS),
        (429, {}, UNKNOWN_SECONDS),
        (429, {"RateLimit-Reset": "soon"}, UNKNOWN_SECONDS),
        (503, {"Retry-After": "12"}, 12),
        (503, {}, 0),
        (200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, 0),
    ],
)
def test_how_long_to_wait(status: int, headers: dict[str, str], seconds: float) -> None:
    said: list[float] = []
    throttle = Throttle()
    throttle.say = said.append
    throttle.note(status, headers)
    assert seconds - 1 <= throttle.left() <= seconds * (1 + SPREAD)
    assert len(said) == (seconds > 0)
    throttle.note(status, headers)
    assert len(said) == (seconds > 0)  # one wait, one line


def test_a_limit_that_is_nearly_used_up_is_scarce() -> None:
    throttle = Throttle()
    assert not throttle.is_scarce
    throttle.note(200, {"RateLimit-Remaining": "60", "RateLimit-Reset": "30"})
    assert throttle.is_scarce
    throttle.note(200, {"RateLimit-Remaining": "900", "RateLimit-Reset": "30"})
    assert not throttle.is_scarce
