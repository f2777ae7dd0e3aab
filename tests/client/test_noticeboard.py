"""Processes of one user share what one of them has learnt from the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from metasweep.client.account import Account
from metasweep.client.noticeboard import Answer, Noticeboard
from metasweep.client.throttle import SPREAD, Throttle
from tests.conftest import ROOT

ACCOUNT = Account("https://far.example", "a-key")
ASKS = """
import sys, time
from pathlib import Path
from metasweep.client.account import Account
from metasweep.client.noticeboard import Noticeboard
from tests.waiting import wait_until

folder, number = Path(sys.argv[1]), sys.argv[2]

def ask():
    with (folder / "asked").open("a") as file:
        print("once", file=file)
    time.sleep(0.5)  # the others come meanwhile
    return {"finished": 3}

board = Noticeboard(folder, Account("https://far.example", "a-key"))
(folder / f"ready-{number}").touch()
wait_until(lambda: len(list(folder.glob("ready-*"))) == 4)
answer = board.answer("progress", time.time() - 60, ask)
print(answer.content["finished"])
"""


def never() -> object:
    raise AssertionError("it is known")


def test_of_four_processes_one_asks(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASKS, str(tmp_path)]
    started = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    assert [process.communicate()[0] for process in started] == ["3\n"] * 4
    assert (tmp_path / "asked").read_text() == "once\n"


def test_an_answer_is_asked_for_again_when_it_is_too_old(tmp_path: Path) -> None:
    board = Noticeboard(tmp_path, ACCOUNT)
    first = board.answer("progress", time.time(), lambda: 1)
    assert first
    assert Noticeboard(tmp_path, ACCOUNT).answer("progress", first.at, never) == first
    assert board.answer("another question", first.at, lambda: 2) != first
    again = board.answer("progress", time.time(), lambda: 3)
    assert again
    assert (again.content, again.at > first.at) == (3, True)


def test_a_limit_is_honoured_by_all_processes_of_the_account_and_by_nobody_else(tmp_path: Path) -> None:
    said: list[float] = []
    other = Throttle(Noticeboard(tmp_path, ACCOUNT))
    other.say = said.append
    assert not other.left()
    Throttle(board=Noticeboard(tmp_path, ACCOUNT)).note(429, {"RateLimit-Reset": "40"})
    assert 39 < other.left() <= 40 * (1 + SPREAD)
    assert len(said) == 1
    assert other.is_scarce
    for stranger in (Account("https://far.example", "b-key"), Account("https://near.example", "a-key")):
        assert not Throttle(board=Noticeboard(tmp_path, stranger)).left()
    (notice,) = tmp_path.rglob("*.limit")
    assert notice.stat().st_mode & 0o077 == 0
    assert notice.parent.stat().st_mode & 0o077 == 0
    assert "a-key" not in str(notice)


def test_notices_that_cannot_be_read_or_written_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nowhere = Noticeboard(tmp_path / "file", ACCOUNT)
    nowhere.note_limit(time.time() + 40)
    assert not Throttle(board=nowhere).left()
    answer = nowhere.answer("progress", time.time(), lambda: 1)
    assert isinstance(answer, Answer)
    board = Noticeboard(tmp_path, ACCOUNT)
    board.note_limit(time.time() + 40)
    board.answer("progress", time.time(), lambda: 1)
    for path in (tmp_path / "metasweep").iterdir():
        path.write_text(json.dumps([]) + os.linesep + "{")
    assert not Throttle(board=board).left()
    assert board.answer("progress", 0, lambda: 2).content == 2  # type: ignore[union-attr]
