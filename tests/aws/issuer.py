"""A sign-in service on loopback: it publishes its keys, as OpenID Connect Discovery says, and makes tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "byline"


class Issuer:
    """Its address is its name."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self.jwks = json.dumps({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]})

    def token(self, *, key: Any = None, kid: str = "one", **other: Any) -> str:
        """A good one of a reader of the account ``alpha``; ``None`` leaves a claim out."""
        now = int(time.time())
        said = {"iss": self.url, "aud": AUDIENCE, "exp": now + 6 * 3600, "sub": "u1", "account_id": "alpha", **other}
        claims = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(claims, key or self._key, algorithm="RS256", headers={"kid": kid})

    def document(self, path: str) -> str | None:
        """What it publishes under a path."""
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        return self.jwks if path == "/keys" else None


@contextmanager
def issuer() -> Generator[Issuer]:
    """One that answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = here.document(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write((found or "").encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
