"""W&B's service as far as it can be had on one machine: a proxy in front of an embedded server.

It is far away, limits its clients, and loses answers. Of HTTP it takes what the wandb client sends.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.cloud.faults import Fault, Faults
from tests.cloud.limits import Limit
from tests.cloud.memory import Memory
from tests.cloud.operations import Call, read_call

HANDSHAKES = 2  # round trips before the first request of a connection: TCP and TLS
OF_A_CONNECTION = ("connection", "transfer-encoding", "content-length", "keep-alive")
HIDDEN = ("server", "date", "x-metasweep")  # the embedded server is not to be known by its answers
UPSTREAM_SECONDS = 120
HANG_UP_HARD = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


@dataclass
class Cloud:
    """How it behaves, and what it has seen."""

    upstream: str
    """Address of the embedded server."""
    round_trip: float = 0.0
    """Seconds that a request and its answer are under way; a new connection takes `HANDSHAKES` more."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """Operation -> its limit; `all` is for everything together."""
    faults: Faults = field(default_factory=Faults)
    has_memory: bool = True
    """Whether it remembers and forgets as W&B's service does, not as the embedded server."""
    retry_after: bool = False
    """Whether 429 and 503 carry Retry-After too, as other front ends do."""
    is_deaf: bool = False
    """Whether it takes requests, and neither acts nor answers."""
    late: Mapping[str, threading.Event] = field(default_factory=dict)
    """Operation -> what its answers wait for; the server has acted then."""
    url: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    """Requests by operation."""
    refused: Counter[str] = field(default_factory=Counter)
    """What was not passed on, or not answered: `429`, `409`, and the faults."""
    acted: Counter[str] = field(default_factory=Counter)
    """Requests on which the server has acted, by operation."""
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    memory: Memory = field(default_factory=Memory)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        """All requests so far."""
        return self.seen.total()

    def count(self, operation: str) -> Fault | None:
        """Count a request; return what is to go wrong with it."""
        with self.lock:
            self.seen[operation] += 1
            fault = self.faults.choose(operation, self.seen[operation])
            if fault:
                self.refused[fault.name.lower()] += 1
            return fault

    def admit(self, operation: str) -> tuple[bool, dict[str, str]]:
        """Whether the limits let a request through, and the headers of its answer."""
        with self.lock:
            met = [self.limits[name] for name in ("all", operation) if name in self.limits]
            admitted = sum(limit.admit() for limit in met) == len(met)  # each counts, also after a refusal
            if not admitted:
                self.refused["429"] += 1
            tightest = min(met, key=lambda limit: limit.requests - limit.used, default=None)
            return admitted, tightest.headers() if tightest else {}


class Handler(BaseHTTPRequestHandler):
    """One connection of a client, and with it one to the server."""

    protocol_version = "HTTP/1.1"
    cloud: Cloud
    server: Front

    def setup(self) -> None:
        """Take a connection, as late as it would be over a distance."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.cloud.lock:
            self.cloud.connections += 1
        time.sleep(HANDSHAKES * self.cloud.round_trip)
        self.far: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        """Close both ends."""
        if self.far:
            self.far.close()
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Be silent."""

    def do_POST(self) -> None:
        """Take a request of any method."""
        body = self.read_body()
        call = read_call(self.command, self.path, body)
        fault = self.cloud.count(call.operation)
        if self.cloud.is_deaf:
            self.cloud.closing.wait()
        if fault is Fault.RESET or self.cloud.is_deaf:
            self.hang_up()
            return
        time.sleep(self.cloud.round_trip)
        if fault and isinstance(fault.value, int):
            waits = {"Retry-After": "1"} if self.cloud.retry_after else {}
            self.answer(fault.value, waits, b"upstream connect error")
            return
        admitted, headers = self.cloud.admit(call.operation)
        if not admitted:
            waits = {"Retry-After": headers["RateLimit-Reset"]} if self.cloud.retry_after else {}
            self.answer(429, headers | waits, b'{"error": "rate limit exceeded"}')
        elif reason := self.cloud.memory.refuses(call):
            self.cloud.refused["409"] += 1
            self.answer(409, headers, json.dumps({"errors": [{"message": reason}]}).encode())
        else:
            self.pass_on(call, body, headers, lose=fault is Fault.LOST)

    do_GET = do_PUT = do_HEAD = do_POST

    def pass_on(self, call: Call, body: bytes, headers: dict[str, str], lose: bool) -> None:
        """Let the server act, and give its answer to the client unless it gets lost."""
        looks = call.is_graphql and self.cloud.has_memory
        try:
            changed = self.cloud.memory.change(call, self.ask) if looks else call
            if changed is not call:
                body = json.dumps({"query": changed.query, "variables": changed.variables}).encode()
            status, fields, content = self.forward(body)
        except OSError:
            self.answer(502, {}, b"no healthy upstream")
            return
        if looks:
            self.cloud.memory.learn(call, content)
        with self.cloud.lock:
            self.cloud.acted[call.operation] += 1
        if call.operation in self.cloud.late:
            self.cloud.late[call.operation].wait()
        if lose:
            self.hang_up()
        else:
            self.answer(status, fields | headers, content)

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send this request to the server; return status, headers and body of its answer."""
        skipped = (*OF_A_CONNECTION, "accept-encoding")
        fields = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        return self.exchange(self.command, self.path, body, fields)

    def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send a query of our own to the server, in the name of the client."""
        fields = {"Authorization": self.headers["Authorization"], "Content-Type": "application/json"}
        body = json.dumps({"query": query, "variables": variables}).encode()
        _, _, content = self.exchange("POST", "/graphql", body, fields)
        return json.loads(content)["data"]

    def exchange(
        self, method: str, path: str, body: bytes, fields: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request to the server on this connection's own line. Raises: OSError."""
        for line in (self.far, None):  # the server may have closed a line that was idle
            self.far = line or http.client.HTTPConnection(
                urlsplit(self.cloud.upstream).netloc, timeout=UPSTREAM_SECONDS
            )
            try:
                self.far.request(method, path, body, dict(fields))
                answer = self.far.getresponse()
                kept = {k: v for k, v in answer.getheaders() if k.lower() not in OF_A_CONNECTION + HIDDEN}
                return answer.status, kept, answer.read()
            except (http.client.HTTPException, OSError) as error:
                self.far.close()
                self.far = None
                if line is None:
                    raise ConnectionError from error
        raise AssertionError

    def read_body(self) -> bytes:
        """Return the body of the request, also one that is sent in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
        """Answer the client, if it is still there."""
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            for name, value in fields.items():
                self.send_header(name, value)
            if self.command == "HEAD":
                content = b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def hang_up(self) -> None:
        """Break the connection in the middle of a request."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HANG_UP_HARD)
        self.server.broken.add(self.connection.fileno())
        self.close_connection = True


class Front(ThreadingHTTPServer):
    """Where clients connect."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, cloud: Cloud) -> None:
        self.broken: set[int] = set()
        super().__init__(("127.0.0.1", 0), type("CloudHandler", (Handler,), {"cloud": cloud}))

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, without a regular end where it is to break."""
        if request.fileno() in self.broken:
            self.broken.discard(request.fileno())
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed break their connections: nothing to report."""


@contextmanager
def serve(cloud: Cloud) -> Iterator[Cloud]:
    """Serve on a free port; the cloud's `url` is its address."""
    front = Front(cloud)
    cloud.url = f"http://127.0.0.1:{front.server_port}"
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        for event in (cloud.closing, *cloud.late.values()):
            event.set()
        front.shutdown()
        thread.join()
        front.server_close()
