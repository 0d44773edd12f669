"""Calls of API Gateway, answered by an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from mangum import Mangum

from byline.aws.asgi import App
from byline.aws.context import Context

TEXT = [
    "text/",
    "application/json",
    "application/javascript",
    "application/problem+json",
    "application/x-ndjson",
    "image/svg+xml",
]
"""What goes through API Gateway as text; anything else as Base64."""


class Gateway:
    """The application behind an HTTP API (payload format 2.0), on an event loop of its own."""

    def __init__(self, app: App) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._mangum = Mangum(cast("Any", app), lifespan="off", text_mime_types=TEXT)

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        asyncio.set_event_loop(self._loop)  # whatever ran since may have set another, or none
        return self._mangum(cast("Any", event), cast("Any", context))

    def close(self) -> None:
        """Not needed where the process ends."""
        asyncio.set_event_loop(None)
        self._loop.close()
