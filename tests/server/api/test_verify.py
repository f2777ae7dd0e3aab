"""`wandb verify`, W&B's acceptance test of a server, with the newest client.

It runs nine runs by the stock agent, 5 s each: both servers are verified at the same time.
"""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ServerProcess, make_server

HTTPS_ONLY = {"Checking requests to base url", "Checking requests made over signed URLs"}
CHECKS = 10


@dataclass
class Verdict:
    """What `wandb verify` said of a server."""

    checks: dict[str, bool]
    exit_code: int
    text: str


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [*request, *names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def verify(server: ServerProcess, **env: str) -> Verdict:
    """Let the client verify a server."""
    done = server.run("wandb", "verify", "--host", server.url, **env)
    lines = [line.partition("...") for line in done.stdout.splitlines() if line.startswith("Checking ")]
    checks = {name: "✅" in rest for name, _, rest in lines}
    return Verdict(checks, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Verdict]]:
    """Of a server over https and of one over http."""
    cert, key = make_certificate(tmp_path_factory.mktemp("tls"))
    trust = {"REQUESTS_CA_BUNDLE": str(cert), "SSL_CERT_FILE": str(cert)}
    serving = contextmanager(make_server)
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        secure = stack.enter_context(serving("--certfile", str(cert), "--keyfile", str(key)))
        plain = stack.enter_context(serving())
        asked = {"https": pool.submit(verify, secure, **trust), "http": pool.submit(verify, plain)}
        yield {scheme: future.result() for scheme, future in asked.items()}


def test_every_check_passes_over_https(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["https"]
    assert all(verdict.checks.values()), verdict.text
    assert (len(verdict.checks), verdict.exit_code) == (CHECKS, 0), verdict.text


def test_every_check_but_those_for_https_passes_without(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["http"]
    assert {name for name, passed in verdict.checks.items() if not passed} == HTTPS_ONLY, verdict.text
    assert (len(verdict.checks), verdict.exit_code) == (CHECKS, 0), verdict.text
