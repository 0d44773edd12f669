"""Who may show the timeline inside a page of their own: cross-origin reads for the origins that the settings name."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PATHS = ("/v1/changes", "/v1/events", "/v1/entity", "/embed/", "/static/")
"""What an embedded timeline asks for, and the files that it is made of."""


class Embedding:
    """ASGI middleware: CORS on what the timeline needs, with a token and never with a cookie."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self.app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET",),
            allow_headers=("Authorization",),
            expose_headers=("ETag", "Retry-After"),
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        embeds = scope["type"] == "http" and scope["method"] in {"GET", "OPTIONS"} and scope["path"].startswith(PATHS)
        await (self._cors if embeds else self.app)(scope, receive, send)
