"""Who gets in: nobody without a key, on any way, and nobody whose key or session has ended."""

import os
import re
import stat
from pathlib import Path

import pytest
import requests
from starlette.routing import Route

from metasweep.server.access import guesses
from metasweep.server.access.guesses import Guesses
from metasweep.server.access.keys import Keyring, load_or_make
from metasweep.server.access.routes import PublicRoute
from metasweep.server.access.signing import Signer
from metasweep.server.app import ROUTES
from metasweep.server.errors import Refused
from tests.conftest import ServerProcess
from tests.server.access.test_keys import key_command, status
from tests.server.commands.test_cli import command, one_line
from tests.server.protocol import UPSERT, Client
from tests.server.test_fuzz import CREATE_FILES

SECRETS = ("key", "signing_secret", "keys.json")
# Names that look like those of public addresses, and are a project's.
PARTS = ("sdk", "otel", "static", "page", "sign-in", "authorize", "1")


def addresses_of(route: Route) -> list[str]:
    """Addresses that lead to a route."""
    names = re.findall(r"{\w+(?::\w+)?}", route.path)
    found = []
    for shift in range(len(PARTS)):
        path = route.path
        for place, name in enumerate(names):
            part = "1" if ":int" in name else PARTS[(shift + place) % len(PARTS)]
            path = path.replace(name, part, 1)
        found.append(path)
    return list(dict.fromkeys(found))


def test_no_route_but_the_public_ones_answers_without_a_key(server: ServerProcess) -> None:
    client = Client(server)
    for entity, project in (("sdk", "otel"), ("static", "page")):
        query = UPSERT.replace("modelName:", f'entityName: "{entity}", modelName:')
        client.graphql(query, project=project, name="secret", config='{"lr": {"value": 0.1}}')
    plain = requests.Session()
    asked = 0
    for route in ROUTES:
        if isinstance(route, PublicRoute):
            continue
        for method in route.methods or ():
            for path in addresses_of(route):
                answer = plain.request(method, server.url + path, allow_redirects=False, timeout=30)
                assert answer.status_code == 401, (method, path)
                assert "secret" not in answer.text
                assert "basic" not in answer.headers["WWW-Authenticate"].lower(), "a browser would ask for it"
                asked += 1
    assert asked > 100
    for path in ("/sdk/otel/runs/secret/data", "/static/page/runs/secret/data"):
        assert plain.get(server.url + path, timeout=30).status_code == 401
        assert client.session.get(server.url + path, timeout=30).json()["config"] == [["lr", 0.1]]
    assert plain.post(f"{server.url}/sdk/otel/v1/traces", data=b"x", timeout=30).status_code == 404


@pytest.mark.parametrize("content", ["", "\n", "short", "x" * 31, "x" * 40 + "\0", "ключ" * 20])
@pytest.mark.parametrize("name", ["key", "signing_secret"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).touch(0o600)
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=f"{name} is empty or damaged"):
        load_or_make(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8") == content, "left as it was"


@pytest.mark.parametrize("name", SECRETS)
def test_the_server_does_not_start_with_a_secret_that_is_none(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    state.mkdir(0o700)
    (state / name).touch(0o600)
    serve = ("serve", "--port", "0", "--server-dir", str(state))
    one_line(command(*serve), 1, name, "damaged")
    (state / name).chmod(0o640)
    one_line(command(*serve), 1, name, "read by others", "chmod 600")


def test_no_request_without_a_key_matches_an_empty_one(tmp_path: Path) -> None:
    keys = Keyring(tmp_path)
    own = (tmp_path / "key").read_text().strip()
    assert keys.find(own)
    assert not any(keys.find(wrong) for wrong in ("", " ", own[:-1], own + "0", "\ud800" * 40))


def test_a_secret_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        load_or_make(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert len(load_or_make(tmp_path / "key")) == 40


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", '{"url": 1, "local": [], "pid": "x"}', "{"])
def test_a_description_that_makes_no_sense_is_one_line(own_server: ServerProcess, text: str) -> None:
    path = own_server.data_dir / "server.json"
    path.write_text(text)
    for words in (("env",), ("stop",)):
        one_line(command(*words, "--server-dir", str(own_server.data_dir)), 1, "server.json is damaged")


def test_the_state_is_its_owners_alone(own_server: ServerProcess) -> None:
    """Also one that an older version has left, under the usual umask."""
    client = Client(own_server)
    client.start_run("private")
    made = client.graphql(CREATE_FILES, entity=client.entity, run="private", files=["a.txt"])
    requests.put(made["createRunFiles"]["files"][0]["uploadUrl"], data=b"x", timeout=30)
    own_server.stop()
    for path in own_server.data_dir.rglob("*"):
        if path.name not in SECRETS:
            path.chmod(0o755 if path.is_dir() else 0o644)
    own_server.data_dir.chmod(0o755)
    own_server.start()
    client.start_run("again")
    for path in (own_server.data_dir, *own_server.data_dir.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder away")
def test_the_state_of_another_user_is_not_used(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    for words in ("serve --port 0", "start", "env", "stop", "key list", "backup x"):
        one_line(command(*words.split(), "--server-dir", str(state)), 1, "belongs to nobody", "--server-dir")


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
FORMS = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "", "application/jsonx"]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_writes_nothing(server: ServerProcess, headers: dict[str, str]) -> None:
    """Even with the key, which a browser may have kept."""
    client = Client(server)
    body = {"query": UPSERT, "variables": {"project": "foreign", "name": "foreign"}}
    assert client.post("/graphql", json=body, headers=headers).status_code == 403
    assert client.session.put(f"{server.url}/storage/1", data=b"x", headers=headers).status_code == 403
    form = {"key": server.key}
    for path in ("/sign-in", "/sign-out"):
        answer = requests.post(server.url + path, data=form, headers=headers, timeout=30)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert client.graphql('{ project(name: "foreign") { id } }')["project"] is None


@pytest.mark.parametrize("kind", FORMS)
def test_what_a_form_can_send_is_not_taken(server: ServerProcess, kind: str) -> None:
    client = Client(server)
    own = {"Content-Type": kind, "Origin": server.url}
    for path in ("/graphql", f"/files/{client.entity}/p/r/file_stream"):
        answer = client.post(path, data=b'{"query": "{ viewer { id } }"}', headers=own)
        assert (answer.status_code, "application/json" in answer.text) == (415, True)
    own["Content-Type"] = "Application/JSON; charset=utf-8"
    assert client.post("/graphql", data=b'{"query": "{ viewer { id } }"}', headers=own).status_code == 200


def test_what_a_key_has_opened_is_shut_with_it(own_server: ServerProcess) -> None:
    anna = Client(own_server)
    anna.start_run("signed")
    anna.session.auth = ("api", key_command(own_server, "new", "anna").stdout.strip())
    made = anna.graphql(CREATE_FILES, entity=anna.entity, run="signed", files=["a.txt", "b.txt"])
    first, second = (file["uploadUrl"] for file in made["createRunFiles"]["files"])
    assert requests.put(first, data=b"x", timeout=30).status_code == 200
    key_command(own_server, "revoke", "anna")
    assert requests.put(second, data=b"x", timeout=30).status_code == 401
    own_server.stop()
    own_server.start()
    assert requests.put(second, data=b"x", timeout=30).status_code == 401


def test_a_copied_cookie_ends_with_its_session(own_server: ServerProcess, tmp_path: Path) -> None:
    person, thief = requests.Session(), requests.Session()
    person.post(f"{own_server.url}/sign-in", data={"key": own_server.key}, timeout=30)
    thief.cookies.update(person.cookies)
    copy = tmp_path / "copy"
    assert command("backup", str(copy), "--server-dir", str(own_server.data_dir)).returncode == 0
    assert thief.get(f"{own_server.url}/data", timeout=30).status_code == 200
    person.post(f"{own_server.url}/sign-out", timeout=30)
    assert thief.get(f"{own_server.url}/data", timeout=30).status_code == 401
    own_server.stop()
    own_server.data_dir = copy
    own_server.start()
    assert thief.get(f"{own_server.url}/data", timeout=30).status_code == 401, "nor a backup's"
    assert status(own_server, own_server.key) == 200


def test_a_signature_is_for_one_method_one_path_and_one_key() -> None:
    signer = Signer("x" * 40)
    path, _, signature = signer.sign("PUT", "/storage/1", "anna").partition("?signature=")
    assert signer.verify("PUT", path, signature, ["ben", "anna"]) == "anna"
    for method, where, who in (("GET", path, "anna"), ("PUT", "/storage/2", "anna"), ("PUT", path, "ben")):
        assert signer.verify(method, where, signature, [who]) is None
    assert Signer("y" * 40).verify("PUT", path, signature, ["anna"]) is None
    for wrong in ("", ".", "x", signature + "0", "\ud800", "é" * 9):
        assert signer.verify("PUT", path, wrong, ["anna"]) is None


def test_guessing_is_slowed_and_logged_and_a_right_key_is_not(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    found = Guesses(lambda: now[0])
    waits = [found.wrong("10.0.0.1") for _ in range(guesses.FREE + 5)]
    assert waits == [0.0] * guesses.FREE + [guesses.WAIT] * 5
    assert found.wrong("10.0.0.2") == 0.0
    (line,) = caplog.messages
    assert "10.0.0.1" in line
    now[0] = guesses.WINDOW + 1
    assert found.wrong("10.0.0.1") == 0.0, "a new minute"
    for number in range(guesses.MOST_ADDRESSES * 2):
        found.wrong(f"host-{number}")
    assert len(found._tries) == guesses.MOST_ADDRESSES


def test_a_right_key_is_answered_while_others_guess(own_server: ServerProcess) -> None:
    for _ in range(guesses.FREE):
        assert status(own_server, "0" * 40) == 401
    assert status(own_server, "0" * 40) == 401
    assert status(own_server, own_server.key) == 200
    own_server.stop()
    assert "wrong keys from 127.0.0.1" in own_server.said
    assert "0" * 40 not in own_server.said
