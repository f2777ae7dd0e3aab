"""The network between agents and their server, which can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

HOST = "127.0.0.1"


class Network:
    """Passes connections on to a server's port; `url` is the server's address at this end."""

    def __init__(self, port: Callable[[], int]) -> None:
        self._port = port
        self._listener = socket.create_server((HOST, 0))
        self._sockets: set[socket.socket] = set()
        self._up, self._flows = threading.Event(), threading.Event()
        self._up.set()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where agents find the server."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    def cut(self, seconds: float) -> None:
        """Break every connection, and accept none for that long."""
        self._up.clear()
        self._hang_up()
        time.sleep(seconds)
        self._up.set()

    def silence(self, seconds: float) -> None:
        """Deliver nothing for that long, then everything that was sent."""
        self._flows.clear()
        time.sleep(seconds)
        self._flows.set()

    def close(self) -> None:
        """Leave no connection and no port behind."""
        self._flows.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._hang_up()

    def _hang_up(self) -> None:
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                if not self._up.is_set():
                    raise ConnectionRefusedError
                far = socket.create_connection((HOST, self._port()))
            except OSError:
                near.close()
                continue
            self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flows.wait()
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
        source.close()
