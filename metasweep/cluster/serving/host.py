"""The job that serves: `python -m metasweep.cluster.serving.host FOLDER WORK HOST`.

The server's state is on the node's own disk, in WORK, because SQLite does not work on shared storage. A copy
goes to FOLDER every minute and at the end. The next job starts from the copy. Only one job serves at a time:
if one has not written its sign of life for a minute, the others take it for lost; it stops by itself before
that. A job that has lost the state leaves FOLDER to the other.
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
LOOK_SECONDS = 1.0
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
        self._over, self._lost = threading.Event(), threading.Event()
        self._beats = threading.Thread(target=self._beat, name="beats", daemon=True)

    def run(self) -> int:
        """Serve until told to stop, until the walltime is nearly over, or until the work is done."""
        self.place.make()
        if not self._wait_for_turn():
            return DONE
        self._beats.start()
        try:
            status = self._serve()
        finally:
            complete = self._end()
        return status if complete else FAULT

    def _wait_for_turn(self) -> bool:
        """Wait until this job may hold the state. Return False if there is nothing left to do."""
        while not self.place.hold(self.who):
            if self.told.wait(BEAT_SECONDS) or self.place.stop.exists():
                return False
        return not (self.told.is_set() or self.place.stop.exists())

    def _beat(self) -> None:
        """Write signs of life until the end, or until the state is lost: then this job must not serve it."""
        signed = time.monotonic()
        while not self._over.wait(BEAT_SECONDS):
            try:
                if not self.place.hold(self.who):
                    self._say_lost("another job has taken over the state")
                    return
                signed = time.monotonic()
            except OSError as error:
                if time.monotonic() - signed > LOST_SECONDS / 2:
                    self._say_lost(f"cannot write to {self.place.folder}: {error}")
                    return

    def _say_lost(self, why: str) -> None:
        print(why, file=sys.stderr, flush=True)
        self._lost.set()

    def _serve(self) -> int:
        """Serve the last copy of the state; return the exit status."""
        self.place.recover_state()
        if self.place.state.is_dir():
            shutil.copytree(self.place.state, self.state)
        self._start()
        self.place.publish(node_name(), self._wait_until_up())
        return self._keep()

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
        """Copy the state from time to time, until it is time to end; return the exit status."""
        assert self._process
        left = job.time_left(os.environ)
        deadline = time.monotonic() + left - LEAVE_SECONDS if left else float("inf")
        copied = -COPY_SECONDS
        while not self.told.wait(LOOK_SECONDS):
            now = time.monotonic()
            if self.place.stop.exists() or now > deadline:
                return DONE
            if self._process.poll() is not None or self._lost.is_set():
                return FAULT
            if now - copied > COPY_SECONDS:
                self._copy()
                copied = now
        return DONE

    def _copy(self) -> bool:
        """Replace the copy of the state in the folder by a new, complete one; return whether that worked."""
        self.place.recover_state()
        shutil.rmtree(self.place.new_state, ignore_errors=True)
        command = [*SERVER, "backup", "--server-dir", str(self.state), str(self.place.new_state)]
        if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
            return False  # it has said why; the copy before it stays
        try:
            self.place.exchange_state()
        except OSError as error:
            print(f"cannot write to {self.place.folder}: {error}", file=sys.stderr, flush=True)
            return False
        return True

    def _end(self) -> bool:
        """Stop the server, copy the state, and release it. Return whether the copy is complete."""
        is_ours = not self._lost.is_set()
        if is_ours:
            self.place.withdraw()
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        complete = is_ours and (not (self.state / "metasweep.db").exists() or self._copy())
        self._over.set()
        self._beats.join()
        self.place.release(self.who)
        return complete


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
