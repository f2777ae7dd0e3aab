"""A backup made under load can be served; a database that cannot be used is refused with the way out."""

import contextlib
import json
import re
import sqlite3
import threading
from pathlib import Path

import requests

from metasweep.server.context import default_entity
from tests.conftest import ServerProcess
from tests.server.commands.test_cli import command, one_line
from tests.server.protocol import HEARTBEAT, Client
from tests.waiting import wait_until

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
        wait_until(lambda: client.run("saved")["historyLineCount"] >= 20)
        target = tmp_path / "copy"
        saved = command("backup", "--server-dir", str(own_server.data_dir), str(target))
    finally:
        stop.set()
        writer.join()
    assert saved.returncode == 0, saved.stderr
    one_line(command("backup", "--server-dir", str(own_server.data_dir), str(target)), 1, "exists already")
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
    missing = command("backup", "--server-dir", str(tmp_path / "state"), str(tmp_path / "copy"))
    one_line(missing, 1, "no database", "--server-dir")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "metasweep.db") as connection:
        connection.execute("PRAGMA user_version = 1000")
    connection.close()
    one_line(command("serve", "--port", "0", "--server-dir", str(tmp_path)), 1, "newer version", "update")


SCHEMA_1 = (Path(__file__).parent / "schemas" / "version_1.sql").read_text()
OLD_ROWS = """
INSERT INTO projects (id, entity, name, created_at) VALUES (1, 'e', 'direct', 't');
INSERT INTO sweeps (id, project_id, name, config, method, state, points, next_point, seed,
                    created_at, updated_at)
    VALUES (4, 1, 'old', '{method: grid, program: p.py, parameters: {lr: {values: [1, 2]}}}', 'grid',
            'RUNNING', 2, 1, 7, 't', 't');
INSERT INTO runs (id, project_id, name, display_name, state, username, created_at, updated_at,
                  heartbeat_at, sweep, sweep_id, point)
    VALUES (9, 1, 'kept', 'kept', 'failed', 'e', 't', 't', 't', 'old', 4, 0);
INSERT INTO freed_points (sweep_id, point, parameters, attempts, run_id) VALUES (4, 0, '{"lr": 1}', 1, 9);
"""


def definitions(path: Path) -> dict[str, str]:
    """The tables and indexes of a database, without comments and spaces."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r"--.*|\s+", "", sql) for name, sql in rows}


def test_a_database_of_the_first_version_is_brought_forward(own_server: ServerProcess) -> None:
    own_server.stop()
    newest, path = definitions(own_server.data_dir / "metasweep.db"), own_server.data_dir / "metasweep.db"
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA_1 + OLD_ROWS.replace("'e'", f"'{default_entity()}'"))
        connection.execute("PRAGMA user_version = 1")
    own_server.start()
    client = Client(own_server)
    assert client.run("kept")["state"] == "failed"
    agents = [client.agent({"name": "old"}) for _ in range(3)]
    claims = [client.claim(agent) for agent in agents[:2]]
    assert [claim["args"]["lr"]["value"] for claim in claims] == [1, 2]
    assert [client.run(claim["run_id"])["attempt"] for claim in claims] == [2, 1]
    assert client.heartbeat(agents[2]) == []
    own_server.stop()
    assert definitions(path) == newest


def test_the_id_of_something_deleted_is_never_another_s(own_server: ServerProcess) -> None:
    """An agent whose sweep is gone, or an upload to a run that is gone, must not reach what came later."""
    client = Client(own_server)
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    agent = client.agent(sweep)
    client.start_run("saved")
    made = client.graphql(CREATE_FILES, entity=client.entity, files=["a.txt"])
    url = made["createRunFiles"]["files"][0]["uploadUrl"]
    gone = client.run("saved")["id"]
    client.graphql("mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", id=gone)
    client.graphql("mutation($id: ID!) { deleteSweep(input: {id: $id}) { success } }", id=sweep["id"])
    client.start_run("saved")
    client.graphql(CREATE_FILES, entity=client.entity, files=["b.txt"])
    client.agent(client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [2]}}}"))
    assert client.run("saved")["id"] != gone
    beat = client.post("/graphql", json={"query": HEARTBEAT, "variables": {"id": agent, "runState": "{}"}})
    assert (beat.status_code, requests.put(url, data=b"late", timeout=10).status_code) == (404, 404)
    assert client.graphql(FILES)["project"]["run"]["files"]["edges"] == []
