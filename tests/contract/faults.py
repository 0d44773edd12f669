"""A proxy on loopback before a real server, which lets some calls fail as networks and clouds do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["throttled", "unavailable", "lost", "unheard", "empty", "page"]
"""``lost``: the connection ends before the call reached the server; ``unheard``: after, so the answer is lost;
``empty``, ``page``: somebody in between says that all is well, and nothing more, or shows a page."""

_ANSWERS = {
    "throttled": (400, b'{"__type": "com.amazonaws.sqs#RequestThrottled", "message": "Rate exceeded"}'),
    "empty": (200, b"{}"),
    "page": (200, b"<html>Sign in to the network</html>"),
    "unavailable": (503, b'{"__type": "ServiceUnavailable", "message": "Service is unavailable"}'),
}


class Faults:
    """What is to go wrong: with the next calls in turn, or with all from now on."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.next: list[Fault | None] = []
        self.all: Fault | None = None
        self.calls: list[str] = []
        """The calls so far, by the name that AWS's JSON protocol gives them."""

    def take(self) -> Fault | None:
        return self.next.pop(0) if self.next else self.all


@contextmanager
def proxy(server: str) -> Generator[Faults]:
    """A proxy before this endpoint."""
    target = urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            faults.calls.append(self.headers.get("X-Amz-Target", "").rpartition(".")[2])
            fault = faults.take()
            if fault == "lost":
                self.close_connection = True
                return
            if fault in _ANSWERS:
                status, said = _ANSWERS[fault]
                self._answer(status, said, {"Content-Type": "application/x-amz-json-1.0"})
                return
            connection = http.client.HTTPConnection(target, timeout=60)
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            said = answer.read()
            connection.close()
            if fault == "unheard":
                self.close_connection = True
                return
            kept = {
                name: value for name, value in answer.getheaders() if name.lower().startswith(("content-type", "x-"))
            }
            self._answer(answer.status, said, kept)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    faults = Faults(f"http://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield faults
    finally:
        listening.shutdown()
        thread.join(30)
        listening.server_close()
