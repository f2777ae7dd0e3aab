"""The job that serves: `python -m metasweep.cluster.serving.host FOLDER WORK HOST`.

The server's state is on the node's own disk, in WORK, because SQLite does not work on shared storage. A copy
goes to FOLDER every minute and at the end. The next job starts from the copy. Only one job serves at a time:
if one has not written its sign of life for a minute, the others take it for lost; it stops by itself before
that.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from metasweep.batch import job
from metasweep.batch.exit_codes import DONE, FAULT
from metasweep.cluster.serving.place import BEAT_SECONDS, LOST_SECONDS, Place

COPY_SECONDS = 60.0
START_SECONDS = 60.0
END_SECONDS = 4.0  # for the server's end, of the 10 seconds that a batch system gives
LEAVE_SECONDS = 90.0  # it ends this long before its walltime
SERVER = [sys.executable, "-m", "metasweep", "server"]


class Host:
    """The job that holds the state."""

    def __init__(self, place: Place, work: Path, host: str) -> None:
        self.place, self.work = place, work
        self.state = work / "state"
        self.who = f"{job.job_id(os.environ) or 'no job'} on {socket.gethostname()}, process {os.getpid()}"
        self.told = threading.Event()
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Serve until told to stop, until the walltime is nearly over, or until the work is done."""
        self.place.make()
        if not self._wait_for_turn():
            return DONE
        if self.place.state.is_dir():
            shutil.copytree(self.place.state, self.state)
        self._start()
        try:
            self.place.publish(node_name(), self._wait_until_up())
            return self._keep()
        finally:
            self._end()

    def _wait_for_turn(self) -> bool:
        """Wait until this job may hold the state. Return False if there is nothing left to do."""
        while not self.place.hold(self.who):
            if self.told.wait(BEAT_SECONDS) or self.place.stop.exists():
                return False
        return not (self.told.is_set() or self.place.stop.exists())

    def _start(self) -> None:
        """Start the server. Its certificate is created only once."""
        if not self.place.tls_key.exists():
            make_certificate(self.place)
        options = ["--host", self._host, "--port", "0", "--certfile", str(self.place.cert)]
        options += ["--keyfile", str(self.place.tls_key)]
        self._process = subprocess.Popen([*SERVER, "serve", "--server-dir", str(self.state), *options])

    def _wait_until_up(self) -> int:
        """Return the server's port once it listens. Then its key is in the folder."""
        assert self._process
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                port = int(
                    json.loads((self.state / "server.json").read_text("utf-8"))["local"].rpartition(":")[2]
                )
                key = (self.state / "key").read_text("utf-8")
            except (OSError, ValueError, KeyError):
                time.sleep(0.1)
                continue
            descriptor = os.open(self.place.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(key)
            return port
        raise RuntimeError("the server did not start")

    def _keep(self) -> int:
        """Write signs of life and copy the state, until it is time to end."""
        assert self._process
        left = job.time_left(os.environ)
        deadline = time.monotonic() + left - LEAVE_SECONDS if left else float("inf")
        heard, copied = time.monotonic(), 0.0
        while not self.told.wait(min(BEAT_SECONDS, 1.0)):
            now = time.monotonic()
            if self.place.stop.exists() or now > deadline:
                return DONE
            if self._process.poll() is not None:
                return FAULT
            try:
                if not self.place.hold(self.who):
                    raise RuntimeError("another job has taken over the state")
                heard = now
                if now - copied > COPY_SECONDS:
                    self._copy()
                    copied = now
            except OSError as error:
                print(f"cannot write to {self.place.folder}: {error}", file=sys.stderr, flush=True)
                if now - heard > LOST_SECONDS / 2:
                    return FAULT
        return DONE

    def _copy(self) -> None:
        """Replace the copy of the state in the folder by a new, complete one."""
        new, old = self.place.folder / "state.new", self.place.folder / "state.old"
        for path in (new, old):
            shutil.rmtree(path, ignore_errors=True)
        command = [*SERVER, "backup", "--server-dir", str(self.state), str(new)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if self.place.state.exists():
            self.place.state.rename(old)
        new.rename(self.place.state)
        shutil.rmtree(old, ignore_errors=True)

    def _end(self) -> None:
        """Stop the server, copy the state, and release it for the next job."""
        self.place.withdraw()
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if (self.state / "metasweep.db").exists():
            self._copy()
        self.place.release(self.who)


def make_certificate(place: Place) -> None:
    """Create the certificate for the loopback addresses of relays and tunnels, and its key."""
    draft = place.tls_key.with_suffix(".draft")
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "365"]
    command += ["-keyout", str(draft), "-out", str(place.cert), "-subj", "/CN=metasweep"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    draft.chmod(0o600)
    draft.rename(place.tls_key)


def node_name() -> str:
    """Return this node's name for other nodes."""
    name = socket.getfqdn()
    return socket.gethostname() if name.startswith("localhost") else name


def main(folder: str, work: str, address: str) -> int:
    """Serve; return the exit status."""
    host = Host(Place(Path(folder)), Path(work), address)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: host.told.set())
    return host.run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
