"""What is noted of each call once it is answered: its time, for the metrics, and who read what."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from byline.web.caller import Caller
from byline.web.metrics import Metrics
from byline.web.reads import Reads

_GOOD = range(200, 400)
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))


class Observing:
    """ASGI middleware, outside of all others."""

    def __init__(self, app: ASGIApp, metrics: Metrics, reads: Reads | None) -> None:
        self.app = app
        self._metrics = metrics
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or _mounted(scope["path"])
        # Any word may be sent as a method; a label for each would fill the memory.
        method = scope["method"] if route != "none" and scope["method"] in _METHODS else "any"
        self._metrics.observe(method, route, status, seconds)
        reader: Caller | None = scope.get("state", {}).get("reader")
        if self._reads is not None and reader is not None and status in _GOOD:
            self._reads.record(scope, reader, route)


def _mounted(path: str) -> str:
    return "/static" if path.startswith("/static/") else "none"
