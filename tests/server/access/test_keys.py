"""Keys made and revoked, TLS, a proxy in front, and no key in anything that is written."""

import json
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import ServerProcess, make_server
from tests.server.commands.test_cli import command, one_line
from tests.server.protocol import Client
from tests.server.test_fuzz import CREATE_FILES

VIEWER = {"query": "{ viewer { entity } }"}


def key_command(server: ServerProcess, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return command("key", *arguments, "--server-dir", str(server.data_dir))


def status(server: ServerProcess, key: str) -> int:
    return requests.post(f"{server.url}/graphql", json=VIEWER, auth=("api", key), timeout=30).status_code


def test_a_key_is_made_used_listed_and_withdrawn_while_the_server_runs(own_server: ServerProcess) -> None:
    made = key_command(own_server, "new", "anna")
    key = made.stdout.strip()
    assert re.fullmatch("[0-9a-f]{40}", key), made.stderr
    assert (status(own_server, key), status(own_server, own_server.key)) == (200, 200)
    one_line(key_command(own_server, "new", "anna"), 1, "anna", "revoke")
    other = key_command(own_server, "new", "ben").stdout.strip()
    listed = key_command(own_server, "list").stdout
    assert [line.split()[-1] for line in listed.splitlines()] == ["anna", "ben"]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", listed)
    browser = requests.Session()
    browser.post(f"{own_server.url}/sign-in", data={"key": key}, timeout=30)
    assert browser.get(f"{own_server.url}/data", timeout=30).status_code == 200
    assert key_command(own_server, "revoke", "anna").returncode == 0
    assert status(own_server, key) == 401
    assert browser.get(f"{own_server.url}/data", timeout=30).status_code == 401, "and signed out"
    assert (status(own_server, other), status(own_server, own_server.key)) == (200, 200)
    one_line(key_command(own_server, "revoke", "anna"), 1, "no key anna", "ben")
    own_server.stop()
    own_server.start()
    assert (status(own_server, key), status(own_server, other)) == (401, 200)


def test_what_is_kept_of_a_key_is_not_the_key(own_server: ServerProcess, tmp_path: Path) -> None:
    key = key_command(own_server, "new", "anna").stdout.strip()
    kept = own_server.data_dir / "keys.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for path in own_server.data_dir.rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path
    copy = tmp_path / "copy"
    assert command("backup", str(copy), "--server-dir", str(own_server.data_dir)).returncode == 0
    restored = ServerProcess(copy, own_server.home)
    restored.start()
    try:
        assert status(restored, key) == 200
    finally:
        restored.stop()


def test_mistakes_with_keys(own_server: ServerProcess, tmp_path: Path) -> None:
    one_line(command("key", "new", "anna", "--server-dir", str(tmp_path)), 1, "no server in", "--server-dir")
    one_line(key_command(own_server, "new", "../anna"), 1, "not a name")
    one_line(key_command(own_server, "new", "server"), 1, "already")
    one_line(key_command(own_server, "revoke", "server"), 1, "delete", "key")
    one_line(command("key", "nwe"), 2, "nwe")
    kept = own_server.data_dir / "keys.json"
    kept.touch(0o600)
    kept.write_text("[{]")
    one_line(key_command(own_server, "list"), 1, "damaged", "keys.json")
    assert status(own_server, own_server.key) == 200, "its own key still opens it"
    own_server.stop()
    assert own_server.said.count("damaged") == 1
    port = ("serve", "--port", "0")
    one_line(command(*port, "--server-dir", str(own_server.data_dir)), 1, "damaged", "keys.json")


def test_no_key_is_ever_written_to_the_log(own_server: ServerProcess) -> None:
    """Wherever a client puts its key, in whatever request, the log does not have it; nor does an error."""
    client, made = Client(own_server), key_command(own_server, "new", "anna").stdout.strip()
    for key in (own_server.key, made):
        headers = {"Authorization": f"Bearer {key}", "Cookie": f"metasweep_session={key}", "User-Agent": key}
        for path in (
            f"/{key}",
            f"/graphql?key={key}",
            f"/storage/1?signature={key}",
            f"/e/p/runs/{key}/data",
        ):
            for method in ("GET", "POST", "PUT"):
                answer = requests.request(
                    method,
                    own_server.url + path,
                    headers=headers,
                    data="{",
                    timeout=30,
                    allow_redirects=False,
                )
                assert answer.status_code < 500
                assert made not in answer.text.replace(path, "")
        wrong = requests.post(f"{own_server.url}/graphql", json=VIEWER, auth=("api", key + "x"), timeout=30)
        assert (wrong.status_code, key in wrong.text) == (401, False)
        requests.post(f"{own_server.url}/sign-in", data={"key": key}, timeout=30)
    client.start_run("quiet")
    own_server.stop()
    assert own_server.key not in own_server.said
    assert made not in own_server.said


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    names = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    make = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*make.split(), "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
    return names


def test_the_client_over_tls(certificate: tuple[str, str]) -> None:
    cert, key = certificate
    for server in make_server("--certfile", cert, "--keyfile", key):
        assert requests.get(f"{server.url}/", timeout=30, verify=cert).status_code == 401
        lines = command("env", "--server-dir", str(server.data_dir)).stdout.splitlines()
        assert lines[0] == f"export WANDB_BASE_URL={server.url}"
        code = "import wandb\nwith wandb.init(project='tls', id='tls') as run: run.log({'x': 1})"
        trust = {"SSL_CERT_FILE": cert, "REQUESTS_CA_BUNDLE": cert}
        logged = server.run("python", "-c", code, **trust)
        assert logged.returncode == 0, logged.stderr
        look = "import wandb; print([f.size for f in wandb.Api().run('tls/tls').files(['config.yaml'])])"
        assert server.run("python", "-c", look, **trust).stdout.startswith("[")
        session = requests.Session()
        session.verify, session.trust_env = cert, False
        session.post(f"{server.url}/sign-in", data={"key": server.key}, timeout=30)
        (cookie,) = session.cookies
        assert cookie.secure


def test_mistakes_with_tls(certificate: tuple[str, str], tmp_path: Path) -> None:
    serve = ("serve", "--port", "0", "--server-dir", str(tmp_path / "state"))
    one_line(command(*serve, "--keyfile", certificate[1]), 2, "--certfile")
    one_line(command(*serve, "--certfile", str(tmp_path / "none.pem")), 2, "none.pem")
    one_line(command(*serve, "--certfile", certificate[1]), 1, "no TLS", "PEM")
    one_line(command(*serve, "--url", "example.org"), 2, "http://")
    one_line(command(*serve, "--url", "https://example.org/metasweep"), 2, "no path after the host")


PROXIED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "forged.example, sweeps.example:8443"}


def upload_url(server: ServerProcess, headers: dict[str, str]) -> requests.Response:
    client = Client(server)
    client.start_run("proxied")
    variables = {"entity": client.entity, "run": "proxied", "files": ["a.txt"]}
    return client.post("/graphql", json={"query": CREATE_FILES, "variables": variables}, headers=headers)


@pytest.fixture(scope="module")
def proxied() -> Iterator[ServerProcess]:
    yield from make_server("--behind-proxy", "--url", "https://sweeps.example:8443")


def test_behind_a_proxy_urls_are_those_of_the_proxy(proxied: ServerProcess) -> None:
    (file,) = upload_url(proxied, PROXIED).json()["data"]["createRunFiles"]["files"]
    assert file["uploadUrl"].startswith("https://sweeps.example:8443/storage/")
    lines = command("env", "--server-dir", str(proxied.data_dir)).stdout.splitlines()
    assert lines[0] == "export WANDB_BASE_URL=https://sweeps.example:8443"
    path = file["uploadUrl"].removeprefix("https://sweeps.example:8443")
    assert requests.put(proxied.url + path, data=b"x", timeout=30).status_code == 200
    for name, value in [("Proto", "javascript"), ("Host", 'a"b'), ("Host", "a/b"), ("Host", "user@a")]:
        assert upload_url(proxied, {f"X-Forwarded-{name}": value}).status_code == 400, value
    form = {"key": proxied.key}
    origin = {"Origin": "https://sweeps.example:8443"}
    signed_in = requests.post(
        f"{proxied.url}/sign-in", data=form, headers=PROXIED | origin, timeout=30, allow_redirects=False
    )
    assert (signed_in.status_code, "Secure" in signed_in.headers["Set-Cookie"]) == (303, True)


def test_without_a_proxy_what_a_client_forwards_counts_for_nothing(server: ServerProcess) -> None:
    (file,) = upload_url(server, PROXIED).json()["data"]["createRunFiles"]["files"]
    assert file["uploadUrl"].startswith(f"{server.url}/storage/")


def test_it_says_when_others_can_reach_it() -> None:
    for server in make_server("--host", "127.0.0.2"):  # not the usual address, though nobody else reaches it
        assert json.loads((server.data_dir / "server.json").read_text())["url"].startswith(
            "http://127.0.0.2:"
        )
        assert "127.0.0.2: others can reach it, traffic is not encrypted" in server.said
    for server in make_server():
        assert "others" not in server.said
