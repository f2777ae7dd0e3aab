"""What was acknowledged stays: the server killed at any moment, and a disk that fills up."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.conftest import ServerProcess
from tests.server.commands.test_cli import command, one_line
from tests.server.protocol import Client
from tests.server.test_fuzz import CREATE_FILES

GRID = "{method: grid, program: p.py, parameters: {i: {min: 0, max: 100000}}}"
ROW = "x" * 20_000
FILES = """
query($project: String, $name: String!) {
  project(name: $project) { run(name: $name) { files { edges { node { url } } } } }
}"""


def body(line: int, text: str = "") -> dict:
    row = json.dumps({"_step": line, "x": line, "text": text})
    return {"files": {"wandb-history.jsonl": {"offset": line, "content": [row]}}}


@dataclass
class Acknowledged:
    """What the server acknowledged."""

    rows: dict[str, int] = field(default_factory=dict)  # run -> lines
    files: dict[str, bytes] = field(default_factory=dict)  # run -> content of its file
    news: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait_for(self, number: int) -> None:
        """Wait until `number` more things are acknowledged."""
        for _ in range(number):
            assert self.news.acquire(timeout=240)


def put(client: Client, run: str, content: bytes) -> requests.Response:
    """Upload a file of a run."""
    return requests.put(announced(client, run), data=content, timeout=30)


def work(server: ServerProcess, sweep: dict, acknowledged: Acknowledged) -> None:
    """Claim runs, stream rows and upload files until the server has ended; record what it acknowledged."""
    client = Client(server)
    try:
        agent = client.agent(sweep)
        while True:
            name = client.claim(agent)["run_id"]
            acknowledged.rows[name] = 0
            for line in range(5):
                client.stream(name, body(line))
                acknowledged.rows[name] = line + 1
                acknowledged.news.release()
            for content in (b"first" + name.encode(), name.encode() * 5000):  # the second replaces the first
                assert put(client, name, content).status_code == 200
                acknowledged.files[name] = content
                acknowledged.news.release()
            client.end(name)
    except requests.RequestException:
        return


def test_what_was_acknowledged_survives_a_kill_at_any_moment(own_server: ServerProcess) -> None:
    sweep = Client(own_server).sweep(GRID)
    acknowledged = Acknowledged()
    for number in (40, 53, 71):
        workers = [threading.Thread(target=work, args=(own_server, sweep, acknowledged)) for _ in range(4)]
        for worker in workers:
            worker.start()
        acknowledged.wait_for(number)
        own_server.kill()
        for worker in workers:
            worker.join()
        own_server.start()
    client = Client(own_server)
    edges = client.read_sweep(sweep)["runs"]["edges"]
    found = {edge["node"]["name"]: json.loads(edge["node"]["config"])["i"]["value"] for edge in edges}
    assert len(acknowledged.rows) > 10
    assert len(acknowledged.files) > 5
    assert set(acknowledged.rows) <= set(found)
    assert len(set(found.values())) == len(found), "no point was handed out twice"
    for name, content in acknowledged.files.items():
        stored = read_file(client, name)
        assert stored == content or (content.startswith(b"first") and stored == name.encode() * 5000), name
    blobs = list((own_server.data_dir / "files").glob("*/*"))
    assert len(blobs) <= len(acknowledged.files) + 4, "what was cut short is swept out at the start"
    for name, lines in acknowledged.rows.items():
        rows = [json.loads(row)["x"] for row in client.run(name)["history"]]
        assert rows == list(range(len(rows)))
        assert len(rows) >= lines


def announced(client: Client, run: str = "long") -> str:
    """Where to put the file of a run."""
    made = client.graphql(CREATE_FILES, entity=client.entity, run=run, files=["a.bin"])
    return made["createRunFiles"]["files"][0]["uploadUrl"]


def read_file(client: Client, run: str) -> bytes:
    """The bytes of a run's file."""
    (edge,) = client.graphql(FILES, name=run)["project"]["run"]["files"]["edges"]
    return requests.get(edge["node"]["url"], timeout=30).content


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
        url = announced(client)
        filler = small_disk / "filler"
        filler.write_bytes(b"\0" * 5_000_000)
        path, line = f"/files/{client.entity}/direct/long/file_stream", 0
        while (answer := client.post(path, json=body(line, ROW))).status_code == 200:
            line += 1
        assert answer.status_code == 507
        assert client.post(path, json=body(line, ROW)).status_code == 507
        assert len(client.run("long")["history"]) == line, "it still reads"
        blobs = set((small_disk / "state" / "files").glob("*/*"))
        assert requests.put(url, data=b"x" * 3_000_000, timeout=30).status_code == 507
        assert set((small_disk / "state" / "files").glob("*/*")) == blobs, "no part of a file is left"
        filler.unlink()
        client.stream("long", body(line, ROW))
        assert requests.put(url, data=b"x" * 3_000_000, timeout=30).status_code == 200
        server.kill()
        server.start()
        rows = [json.loads(row)["x"] for row in Client(server).run("long")["history"]]
        assert rows == list(range(line + 1))
        assert read_file(Client(server), "long") == b"x" * 3_000_000
    finally:
        server.stop()
    assert "cannot store" in server.said
    assert "Traceback" not in server.said


def test_a_folder_that_cannot_be_written_is_waited_for(own_server: ServerProcess) -> None:
    client, folder = Client(own_server), own_server.data_dir / "files"
    client.start_run("long")
    url = announced(client)
    away = folder.rename(folder.with_name("away"))
    folder.write_text("a file where a folder should be")
    assert requests.put(url, data=b"x", timeout=30).status_code == 503
    client.stream("long", body(0))
    folder.unlink()
    away.rename(folder)
    assert requests.put(url, data=b"x", timeout=30).status_code == 200
    assert read_file(client, "long") == b"x"


def test_a_read_only_disk_is_refused_at_the_start(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    one_line(
        command("serve", "--port", "0", "--server-dir", str(small_disk / "state")),
        1,
        "cannot write",
        "--server-dir",
    )


def test_a_database_with_a_damaged_page_is_refused(own_server: ServerProcess) -> None:
    client = Client(own_server)
    client.start_run("long")
    for line in range(200):
        client.stream("long", body(line, "x" * 1000))
    own_server.stop()
    path = own_server.data_dir / "metasweep.db"
    damaged = bytearray(path.read_bytes())
    assert len(damaged) > 200_000
    damaged[100_000:108_192] = b"\xff" * 8192
    path.write_bytes(damaged)
    refusal = command("serve", "--port", "0", "--server-dir", str(own_server.data_dir))
    one_line(refusal, 1, "metasweep.db", "backup", "--server-dir")
    assert path.read_bytes() == damaged, "left as it was"
