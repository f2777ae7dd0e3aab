"""What was acknowledged stays: the server killed at any moment, and a disk that fills up."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import ServerProcess
from tests.server.protocol import Client

GRID = "{method: grid, program: p.py, parameters: {i: {min: 0, max: 100000}}}"
ROW = "x" * 20_000


def body(line: int, text: str = "") -> dict:
    row = json.dumps({"_step": line, "x": line, "text": text})
    return {"files": {"wandb-history.jsonl": {"offset": line, "content": [row]}}}


def work(server: ServerProcess, sweep: dict, acknowledged: dict[str, int]) -> None:
    """Claim runs and stream rows until the server is gone; note what it acknowledged."""
    client = Client(server)
    try:
        agent = client.agent(sweep)
        while True:
            name = client.claim(agent)["run_id"]
            acknowledged[name] = 0
            for line in range(5):
                client.stream(name, body(line))
                acknowledged[name] = line + 1
            client.end(name)
    except requests.RequestException:
        return


def test_what_was_acknowledged_survives_a_kill_at_any_moment(own_server: ServerProcess) -> None:
    sweep = Client(own_server).sweep(GRID)
    acknowledged: dict[str, int] = {}
    for wait in (0.15, 0.31, 0.5):
        workers = [threading.Thread(target=work, args=(own_server, sweep, acknowledged)) for _ in range(4)]
        for worker in workers:
            worker.start()
        time.sleep(wait)
        own_server.kill()
        for worker in workers:
            worker.join()
        own_server.start()
    client = Client(own_server)
    edges = client.read_sweep(sweep)["runs"]["edges"]
    found = {edge["node"]["name"]: json.loads(edge["node"]["config"])["i"]["value"] for edge in edges}
    assert len(acknowledged) > 10
    assert set(acknowledged) <= set(found)
    assert len(set(found.values())) == len(found), "no point was handed out twice"
    for name, lines in acknowledged.items():
        rows = [json.loads(row)["x"] for row in client.run(name)["history"]]
        assert rows == list(range(len(rows)))
        assert len(rows) >= lines


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "metasweep-test", str(tmp_path)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(command, check=False).returncode:
        pytest.skip("mounting a small file system takes root")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_is_waited_for(small_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = ServerProcess(small_disk / "state", tmp_path_factory.mktemp("home"))
    server.start()
    try:
        client = Client(server)
        client.start_run("long")
        filler = small_disk / "filler"
        filler.write_bytes(b"\0" * 5_000_000)
        path, line = f"/files/{client.entity}/direct/long/file_stream", 0
        while (answer := client.post(path, json=body(line, ROW))).status_code == 200:
            line += 1
        assert answer.status_code == 507
        assert client.post(path, json=body(line, ROW)).status_code == 507
        assert len(client.run("long")["history"]) == line, "it still reads"
        filler.unlink()
        client.stream("long", body(line, ROW))
        server.kill()
        server.start()
        rows = [json.loads(row)["x"] for row in Client(server).run("long")["history"]]
        assert rows == list(range(line + 1))
    finally:
        server.stop()
