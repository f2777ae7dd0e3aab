"""The commands of the server, and the mistakes that a person can make with them."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, ServerProcess


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "metasweep", "server", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_line(found: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    """The command ended with that code and one line that has these words."""
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    (line,) = [line for line in found.stderr.splitlines() if not line.startswith(("Usage:", "Try ")) and line]
    for word in words:
        assert word in line, line


def test_start_env_stop(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    first = command("start", "--port", "0", "--server-dir", state)
    try:
        assert first.returncode == 0, first.stderr
        assert command("start", "--port", "0", "--server-dir", state).stdout == first.stdout
        lines = command("env", "--server-dir", state).stdout.splitlines()
        key = (tmp_path / "state" / "key").read_text().strip()
        assert lines == [f"export WANDB_BASE_URL={first.stdout.strip()}", f"export WANDB_API_KEY={key}"]
        one_line(command("serve", "--port", "0", "--server-dir", state), 1, "already running")
    finally:
        ended = command("stop", "--server-dir", state)
    assert ended.returncode == 0, ended.stderr
    one_line(command("env", "--server-dir", state), 1, "no server is running", "start")
    one_line(command("stop", "--server-dir", state), 1, "no server is running")
    assert not (tmp_path / "state" / "server.json").exists()
    assert key not in (tmp_path / "state" / "server.log").read_text()


def test_the_key_is_for_its_owner_only(server: ServerProcess) -> None:
    assert stat.S_IMODE((server.data_dir / "key").stat().st_mode) == 0o600
    assert len(server.key) == 40
    assert int(server.key, 16) > 0
    assert json.loads((server.data_dir / "server.json").read_text())["url"] == server.url


def test_mistakes(tmp_path: Path, server: ServerProcess) -> None:
    state = str(tmp_path / "state")
    one_line(command("serve", "--port", str(server.port), "--server-dir", state), 1, "in use", "--port")
    one_line(command("start", "--port", str(server.port), "--server-dir", state), 1, "in use", "--port")
    one_line(command("serve", "--port", "http", "--server-dir", state), 2, "--port")
    one_line(command("serve", "--prot", "80"), 2, "--prot")
    one_line(command("sevre"), 2, "sevre")
    (tmp_path / "file").write_text("x")
    one_line(command("serve", "--port", "0", "--server-dir", str(tmp_path / "file")), 2, "--server-dir")
    one_line(
        command("serve", "--port", "0", "--server-dir", str(tmp_path / "file" / "below")), 1, "--server-dir"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        one_line(
            command("serve", "--host", "192.0.2.1", "--port", "0", "--server-dir", state), 1, "192.0.2.1"
        )


def test_a_broken_database_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "metasweep.db").write_bytes(b"this is not a database" * 1000)
    one_line(command("serve", "--port", "0", "--server-dir", str(state)), 1, "metasweep.db", "backup")
    assert (state / "metasweep.db").read_bytes().startswith(b"this is not"), "left as it was"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    one_line(command("serve", "--port", "0", "--server-dir", str(tmp_path / "state")), 1, "--server-dir")
    tmp_path.chmod(0o700)
