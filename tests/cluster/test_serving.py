"""The folder of a server that runs as a job: what is in it whatever became of the job before."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from metasweep.batch.exit_codes import FAULT
from metasweep.cluster.serving import host
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
