"""A real server and the environment in which the real client uses it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import service, warm
from tests.chromium import browser  # noqa: F401

ROOT = Path(__file__).parent.parent
STARTUP = 120  # seconds

# No property fails for want of speed: beside other work an example can take a hundred times as long.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# A shell starts a background job with SIGINT ignored, nohup with SIGHUP.
# The programs that tests start would inherit that.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


@dataclass
class ServerProcess:
    """A server on 127.0.0.1 with its own data directory."""

    data_dir: Path
    home: Path
    options: tuple[str, ...] = ()
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    process: subprocess.Popen[str] | None = None
    said: str = ""
    """What it wrote to its standard error before it listened and, once it has ended, since then."""

    def start(self) -> None:
        """Start it, or start it again at the same address; returns when it listens."""
        command = [
            sys.executable,
            "-m",
            "metasweep",
            "server",
            "serve",
            "--port",
            str(self.port),
            *self.options,
        ]
        self.process = subprocess.Popen(
            [*command, "--server-dir", str(self.data_dir)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        while " serves " not in (line := self.process.stderr.readline()):
            self.said += line
            assert line, f"the server did not start: {self.said}"
        url = json.loads((self.data_dir / "server.json").read_text())["local"]
        self.scheme, _, address = url.partition("://")
        self.host, _, port = address.rpartition(":")
        self.port = int(port)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end("terminate")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end("kill")

    def _end(self, how: str) -> None:
        if self.process is None:
            return
        getattr(self.process, how)()
        self.said += self.process.communicate(timeout=STARTUP)[1]
        self.process = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def key(self) -> str:
        """Its key."""
        return (self.data_dir / "key").read_text().strip()

    @property
    def env(self) -> dict[str, str]:
        """The environment of a client: this server, this home, nothing of the user's own settings."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
        return inherited | {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.key,
            "WANDB_DIR": str(self.home),
            "WANDB_SILENT": "true",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
        }

    def run(
        self, *command: str, timeout: float = 240, cwd: Path | None = None, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command as a client of this server, in its home unless told otherwise."""
        return subprocess.run(
            command,
            cwd=cwd or self.home,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def python(
        self, *arguments: str, timeout: float = 240, cwd: Path | None = None, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run Python as a client of this server, in a fork of a process with its imports."""
        return warm.run(arguments, cwd or self.home, self.env | env, timeout)


def make_server(*options: str, parent: Path | None = None) -> Iterator[ServerProcess]:
    """A running server in a temporary directory (of `parent`), ended and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="metasweep-test-", dir=parent))
    (folder / "home").mkdir()
    server = ServerProcess(folder / "state", folder / "home", options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for the tests of a module."""
    yield from make_server()


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server for one test, which may kill it; its options may be given as an indirect parameter."""
    yield from make_server(*getattr(request, "param", ()))


@pytest.fixture
def client_env(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a client of `server`, in this process: wandb.Api() finds the server."""
    service.leave()  # of a test without this fixture: monkeypatch would bring its dead service back
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(server.home)
    yield server.env
    service.leave()  # it would remember this server for the next module
