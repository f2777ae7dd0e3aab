"""A real HTTP proxy in front of the real server, which fails as networks and busy servers do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOO_MANY = 429
DROP = 0  # in place of a status: close the connection without an answer
ENDS_HERE = {"connection", "transfer-encoding", "content-length", "host", "accept-encoding"}

Fault = Callable[[int], int | None]  # number of the request, from 1 -> status, DROP, or None: pass it on


@dataclass
class Proxy:
    """Where it listens, and what it saw. Only calls of the API are counted and fail."""

    fault: Fault
    url: str = ""
    seen: int = 0
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self) -> int | None:
        with self.lock:
            self.seen += 1
            found = self.fault(self.seen)
            self.failed += found is not None
            return found


@contextmanager
def flaky(port: int, fault: Fault) -> Iterator[Proxy]:
    """A proxy on a free port in front of 127.0.0.1:`port`."""
    proxy = Proxy(fault)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.forward()

        def do_POST(self) -> None:
            found = proxy.next_fault() if "graphql" in self.path else None
            if found is None:
                self.forward()
            elif found == DROP:
                self.close_connection = True
            else:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(found)
                self.send_header("content-length", "0")
                if found == TOO_MANY:
                    self.send_header("RateLimit-Reset", "1")
                self.end_headers()

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ENDS_HERE}
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ENDS_HERE:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
