"""The commands of the server, and the mistakes that a person can make with them."""

import contextlib
import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from metasweep.server.datadir import hold, is_held
from tests.agent import processes
from tests.conftest import ROOT, ServerProcess


def command(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "metasweep", "server", *arguments],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=240,
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


def test_a_server_that_is_started_again_is_where_its_clients_look_for_it(tmp_path: Path) -> None:
    """Port 8080 is often taken by others: the first start then finds a free one, and the next takes it."""
    state = ("--server-dir", str(tmp_path / "state"))
    address = command("start", "--port", "0", *state).stdout
    try:
        assert command("stop", *state).returncode == 0
        assert command("start", *state).stdout == address
        assert command("stop", *state).returncode == 0
        with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
            other = command("start", *state)
            assert other.returncode == 0, other.stderr
            assert other.stdout != address
    finally:
        command("stop", *state)


def test_who_only_looks_does_not_keep_a_server_from_its_start(tmp_path: Path) -> None:
    """`start` of one process looks at the lock while the server of another takes it."""
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open("rb") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        threading.Timer(0.1, lambda: fcntl.flock(look, fcntl.LOCK_UN)).start()
        hold(tmp_path)
    assert is_held(tmp_path)


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


@contextlib.contextmanager
def ended(*states: Path) -> Iterator[None]:
    """The servers that were started on these directories end."""
    try:
        yield
    finally:
        for state in states:
            command("stop", "--server-dir", str(state))


def test_several_that_start_at_once_end_up_with_one_server(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with ended(state), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: command("start", "--server-dir", str(state)), range(4)))
        assert [each.returncode for each in found] == [0] * 4, [each.stderr for each in found]
        assert len({each.stdout for each in found}) == 1
        serving = [pid for pid in processes.everyone() if str(state) in processes.command(pid)]
        assert len(serving) == 1, "none waits for the other to be stopped"


def test_servers_that_start_at_once_get_a_port_each(tmp_path: Path) -> None:
    states = [tmp_path / name for name in "abc"]
    with ended(*states), ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda state: command("start", "--server-dir", str(state)), states))
        assert [each.returncode for each in found] == [0] * 3, [each.stderr for each in found]
        assert len({each.stdout for each in found}) == 3


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(tmp_path: Path) -> None:
    state = tmp_path / "state"
    proxy = {
        "http_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "no_proxy": "x.org",
    }
    with ended(state):
        assert command("start", "--port", "0", "--server-dir", str(state), **proxy).returncode == 0
        lines = command("env", "--server-dir", str(state), **proxy).stdout.splitlines()
        assert lines[2:] == [
            f"export {name}=x.org,localhost,127.0.0.1,::1" for name in ("NO_PROXY", "no_proxy")
        ]
        assert command("stop", "--server-dir", str(state), **proxy).returncode == 0


def test_a_locale_without_utf_8(tmp_path: Path) -> None:
    state = tmp_path / "state"
    plain = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    with ended(state):
        started = command("start", "--port", "0", "--server-dir", str(state), **plain)
        assert started.returncode == 0, started.stderr
        assert command("env", "--server-dir", str(state), **plain).returncode == 0


def test_what_env_prints_is_no_command(own_server: ServerProcess, tmp_path: Path) -> None:
    path = own_server.data_dir / "server.json"
    hostile = f"http://x/;touch {tmp_path / 'touched'};$(touch {tmp_path / 'touched'})'"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"url": hostile}))
    printed = command("env", "--server-dir", str(own_server.data_dir)).stdout
    script = 'eval "$1"; printf %s "$WANDB_BASE_URL"'
    shell = subprocess.run(["sh", "-c", script, "sh", printed], capture_output=True, text=True, check=True)
    assert (shell.stdout, list(tmp_path.iterdir())) == (hostile, [])


def test_a_full_disk_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        (disk / "filler").write_bytes(bytes(112 * 1024))
        with contextlib.suppress(OSError):
            (disk / "rest").write_bytes(bytes(1 << 20))
        state = str(disk / "state")
        for words in ("serve --port 0", "start"):
            one_line(command(*words.split(), "--server-dir", state), 1, state, "--server-dir")
        assert not (disk / "state" / "key").exists(), "no half of a key is left"
    finally:
        subprocess.run(["umount", str(disk)], check=True)
