"""The folder of a server that runs as a job: what is in it whatever became of the job before."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from metasweep.batch.exit_codes import FAULT
from metasweep.cluster.serving import host, relay
from metasweep.cluster.serving.place import Place, read, write
from tests.waiting import wait_until


@pytest.mark.parametrize("left", [("state.new",), ("state.old",), ("state.new", "state.old")])
def test_a_copy_that_was_cut_short_is_brought_back(tmp_path: Path, left: tuple[str, ...]) -> None:
    for name in left:
        (tmp_path / name).mkdir()
        (tmp_path / name / "from").write_text(name)
    place = Place(tmp_path)
    place.recover_state()
    assert (place.state / "from").read_text() == left[0], "the newest complete one"


def test_a_job_that_has_lost_the_state_leaves_the_folder_to_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "BEAT_SECONDS", 0.05)
    place, ended = Place(tmp_path / "served"), []
    first = host.Host(place, tmp_path / "work", "127.0.0.1")
    serving = threading.Thread(target=lambda: ended.append(first.run()))
    serving.start()
    wait_until(lambda: place.state.is_dir() or not serving.is_alive())  # it serves and has copied its state
    place.publish("another node", 1)

    def has_left() -> bool:
        write(place.folder / "holder.json", {"who": "another job", "at": time.time()})
        return not serving.is_alive()

    wait_until(has_left)
    assert ended == [FAULT]
    assert place.address() == ("another node", 1)
    assert read(place.folder / "holder.json")["who"] == "another job"


def test_a_relay_leaves_without_a_word_while_connections_still_come(tmp_path: Path) -> None:
    """It shares the terminal of the command beside which it runs."""
    place, port_file = Place(tmp_path / "served"), tmp_path / "port"
    place.make()
    words = [sys.executable, "-m", relay.__name__, str(place.folder), str(port_file), relay.STDIN]
    kept: list[socket.socket] = []

    def connect(process: subprocess.Popen[bytes]) -> None:
        with suppress(OSError):  # it has left
            while process.poll() is None:
                kept.append(socket.create_connection(("127.0.0.1", int(port_file.read_text()))))

    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        place.publish("127.0.0.1", server.getsockname()[1])
        with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            wait_until(port_file.exists)
            caller = threading.Thread(target=connect, args=(process,))
            caller.start()
            wait_until(lambda: len(kept) > 50)
            _, said = process.communicate()
            caller.join()
    for connection in kept:
        connection.close()
    assert (process.returncode, said) == (0, b"")
