"""Calls of the HTTP API inside of this process: everything between the socket and the database, without the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from byline.history.port import History
from byline.web import create_app
from byline.web.caller import LOCAL, Caller

_ACCOUNT = b"x-benchmark-account"


class _ByHeader:
    """A sign-in that takes a header's word for the account. To verify a token is the same for every page."""

    asks = True
    url = None

    async def caller(self, request: Request) -> Caller:
        account = request.headers.get(_ACCOUNT.decode())
        return LOCAL if account is None else Caller(account_id=account)

    async def verified(self, token: str) -> Caller:  # noqa: ARG002
        return LOCAL


class Api:
    """One application, asked one call at a time."""

    def __init__(self, history: History, bucket: Any) -> None:
        sign_in: Any = _ByHeader()
        self._app = create_app(history, bucket, sign_in=sign_in)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    def get(self, path: str, parameters: Mapping[str, str], *, account: str | None = None) -> bytes:
        """The body of an answer; anything but a 200 is an error."""
        return self._runner.run(self._get(path, urlencode(parameters).encode(), account))

    async def _get(self, path: str, query: bytes, account: str | None) -> bytes:
        headers = [(b"host", b"127.0.0.1")]
        if account is not None:
            headers.append((_ACCOUNT, account.encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8321),
        }
        status, body = 0, bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        if status != 200:
            raise RuntimeError(f"{path}?{query.decode()}: {status} {bytes(body).decode()}")
        return bytes(body)
