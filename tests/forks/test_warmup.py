"""Whether a process may fork is asked while its threads come and go."""

from __future__ import annotations

import threading

from metasweep.forks.warmup import is_single_threaded


def test_threads_that_end_while_they_are_looked_at() -> None:
    enough = threading.Event()

    def come_and_go() -> None:
        while not enough.is_set():
            threads = [threading.Thread(target=int) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        assert not any(is_single_threaded() for _ in range(1000))
    finally:
        enough.set()
        thread.join()
