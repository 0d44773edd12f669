"""What fits through API Gateway and Lambda, as ASGI middleware: a call that brings too much is 413, an answer that is
too large is 303 to an object in the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO

import anyio.to_thread

from byline.aws.asgi import App, Message, Receive, Scope, Send
from byline.web.problems import HEADERS, problem

LARGEST = 5_000_000
"""Bytes of a body, either way. Lambda's limit is 6 MB, and what is no text goes as Base64: an answer of that kind is
stopped at three quarters."""

LARGEST_WRITTEN = 6_000_000
"""Characters of a text as Lambda writes it, in JSON: what is left of its limit is for the headers."""

EXPORT = "/v1/export"
"""Always by way of the bucket: how large it gets is known at its end only."""

_TEXT = ("text/", "application/json", "application/javascript", "application/problem+json", "application/x-ndjson")

Lay = Callable[[IO[bytes], str, Mapping[str, str]], str]
"""Lays a body into the bucket; gives a link."""


class Limits:
    """Around the application. ``bucket`` is named where somebody brings too much: that is where it can go instead."""

    def __init__(self, app: App, *, lay: Lay, bucket: str) -> None:
        self._app = app
        self._lay = lay
        self._bucket = bucket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        if len(body) > LARGEST:
            detail = f"At most {LARGEST} bytes go through here: put larger files of events into {self._bucket}."
            await problem(413, detail)(scope, receive, send)
            return
        with _Answer(always=scope["path"] == EXPORT) as answer:
            await self._app(scope, _again(body, receive), answer.take)
            await answer.give(scope, send, self._lay)


async def _whole(receive: Receive) -> bytes:
    """The body of a call; its first pieces where it is too large."""
    pieces: list[bytes] = []
    more = True
    while more and sum(map(len, pieces)) <= LARGEST:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


def _again(body: bytes, receive: Receive) -> Receive:
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again


class _Answer:
    """An answer as it comes, on disk beyond what Lambda would take; small ones go on as they are."""

    def __init__(self, *, always: bool) -> None:
        self._always = always
        self._start: Message = {}
        self._file = SpooledTemporaryFile(max_size=LARGEST)  # noqa: SIM115 - closed by __exit__
        self._size = 0

    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            piece = message.get("body", b"")
            self._size += len(piece)
            self._file.write(piece)

    async def give(self, scope: Scope, send: Send, lay: Lay) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in self._start.get("headers", ())}
        self._file.seek(0)
        if not self._is_large(headers):
            await send(self._start)
            await send({"type": "http.response.body", "body": self._file.read(), "more_body": False})
            return
        name = scope["path"].rpartition("/")[2] or "answer"
        link = await anyio.to_thread.run_sync(lay, self._file, name, headers)
        located = [(name.encode(), value.encode()) for name, value in {**HEADERS, "location": link}.items()]
        await send({"type": "http.response.start", "status": 303, "headers": [*located, (b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _is_large(self, headers: Mapping[str, str]) -> bool:
        if self._start.get("status") != 200:
            return False
        is_text = headers.get("content-type", "").startswith(_TEXT)
        return self._always or self._size > (LARGEST if is_text else LARGEST * 3 // 4) or (is_text and self._grows())

    def _grows(self) -> bool:
        """Whether a text gets too large inside of the JSON that Lambda answers with, where a quote takes two bytes, and
        a control character six (in older runtimes any letter that is not of ASCII, too)."""
        if self._size * 6 <= LARGEST_WRITTEN:
            return False
        text = self._file.read().decode("utf-8", "replace")
        self._file.seek(0)
        return len(json.dumps(text)) > LARGEST_WRITTEN
