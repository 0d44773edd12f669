"""A Lambda function that wakes from a snapshot has no keys, but an address to ask for them (AWS Lambda developer guide,
"Lambda SnapStart", on credentials)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from byline.bucket.cloud import CloudBucket

KEYS = {"AccessKeyId": "woken", "SecretAccessKey": "key", "Token": "token", "Expiration": "2999-01-01T00:00:00Z"}


class Asked(BaseHTTPRequestHandler):
    """The keys at one address; at any other a store that takes everything, and notes who signed."""

    signed: list[str]

    def do_GET(self) -> None:
        self._answer(json.dumps(KEYS).encode() if self.headers["Authorization"] == "secret" else b"{}")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.signed.append(self.headers["Authorization"])
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Asked.signed = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as started:
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def test_it_asks_there_and_signs_with_what_it_gets(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("boto3", reason="needs boto3: pip install boto3")
    address = f"http://127.0.0.1:{server.server_port}"
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/keys",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret",
        "AWS_ENDPOINT_URL": address,
        "AWS_REGION": "eu-central-1",
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert CloudBucket("s3://bucket", environ).put("events/one.json", b"{}")
    assert ["Credential=woken/" in one for one in Asked.signed] == [True]
