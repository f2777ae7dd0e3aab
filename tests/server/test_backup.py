"""A backup made under load can be served; a database that cannot be used is refused with the way out."""

import json
import sqlite3
import threading
from pathlib import Path

import requests

from tests.conftest import ServerProcess
from tests.server.protocol import Client
from tests.server.test_cli import command, one_line

CREATE_FILES = """
mutation($entity: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: "direct", runName: "saved", files: $files}) {
    files { uploadUrl }
  }
}"""
FILES = """
query($project: String) {
  project(name: $project) { run(name: "saved") { files { edges { node { url } } } } }
}"""


def keep_writing(server: ServerProcess, url: str, stop: threading.Event) -> None:
    """Rows, and one file replaced again and again, until told to stop."""
    client, line = Client(server), 0
    while not stop.is_set():
        row = json.dumps({"_step": line, "x": line})
        client.stream("saved", {"files": {"wandb-history.jsonl": {"offset": line, "content": [row]}}})
        assert requests.put(url, data=b"x" * (1000 + line), timeout=10).status_code == 200
        line += 1


def test_a_backup_under_load_is_served(own_server: ServerProcess, tmp_path: Path) -> None:
    client, stop = Client(own_server), threading.Event()
    client.start_run("saved")
    made = client.graphql(CREATE_FILES, entity=client.entity, files=["a.txt"])
    url = made["createRunFiles"]["files"][0]["uploadUrl"]
    writer = threading.Thread(target=keep_writing, args=(own_server, url, stop))
    writer.start()
    try:
        while client.run("saved")["historyLineCount"] < 20:
            pass
        target = tmp_path / "copy"
        saved = command("backup", "--data-dir", str(own_server.data_dir), str(target))
    finally:
        stop.set()
        writer.join()
    assert saved.returncode == 0, saved.stderr
    one_line(command("backup", "--data-dir", str(own_server.data_dir), str(target)), 1, "exists already")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    restored = ServerProcess(target, own_server.home)
    restored.start()
    try:
        again = Client(restored)
        rows = [json.loads(row) for row in again.run("saved")["history"]]
        assert len(rows) >= 20
        assert [row["x"] for row in rows] == list(range(len(rows)))
        (edge,) = again.graphql(FILES)["project"]["run"]["files"]["edges"]
        content = requests.get(edge["node"]["url"], timeout=10).content
        # Row n is sent before the file of 1000 + n bytes: the snapshot lies before or after that file.
        assert len(content) in (998 + len(rows), 999 + len(rows)), "as of the moment of the rows"
    finally:
        restored.stop()


def test_a_backup_of_nothing(tmp_path: Path) -> None:
    missing = command("backup", "--data-dir", str(tmp_path / "state"), str(tmp_path / "copy"))
    one_line(missing, 1, "no database", "--data-dir")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "metasweep.db") as connection:
        connection.execute("PRAGMA user_version = 1000")
    connection.close()
    one_line(command("serve", "--port", "0", "--data-dir", str(tmp_path)), 1, "newer version", "update")


def test_a_database_of_the_first_version_is_brought_forward(own_server: ServerProcess) -> None:
    client = Client(own_server)
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    client.start_run("kept")
    own_server.stop()
    with sqlite3.connect(own_server.data_dir / "metasweep.db") as connection:
        connection.execute("ALTER TABLE agents DROP COLUMN standing_by")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    own_server.start()
    assert client.run("kept")["state"] == "running"
    first, second = client.agent(sweep), client.agent(sweep)
    assert client.claim(first)["args"] == {"lr": {"value": 1}}
    assert client.heartbeat(second) == []
