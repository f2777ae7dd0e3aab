"""Coroutines run by a test: in a thread of their own.

The thread of the tests has a running event loop once a browser was started, and allows no second one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def run(main: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Return what the coroutine returns."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(lambda: asyncio.run(main())).result()
