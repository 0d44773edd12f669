"""The web application: the HTTP API and the page, over one history and one bucket."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from byline._version import __version__
from byline.bucket.port import Bucket
from byline.history.port import Reader
from byline.web import openapi, problems, routes_entity, routes_events, routes_health, routes_pages
from byline.web.cursor import Cursors
from byline.web.loopback import LoopbackOnly
from byline.web.params import read
from byline.web.shapes import ProcessorHealth
from byline.web.site import Site
from byline.web.templates import dressed, page

DESCRIPTION = (
    "Who changed what, when, and in which request. JSON; times are RFC 3339 in UTC; errors are RFC 9457 problem "
    "details that name the fields at fault. Pages go on by cursor, and none ever counts the total."
)


class History(Protocol):
    """What the application needs of a history: its reading half."""

    @property
    def reader(self) -> Reader: ...


def _no_processor() -> ProcessorHealth:
    return ProcessorHealth("absent")


def create_app(
    history: History,
    bucket: Bucket,
    *,
    cursor_key: bytes | None = None,
    processor: Callable[[], ProcessorHealth] = _no_processor,
) -> FastAPI:
    """The application. It answers to loopback names only: there is no sign-in yet.

    ``cursor_key`` signs cursors; random by default, so that they end with the process. ``processor`` tells
    ``/health`` how the processor of this process fares."""
    app = FastAPI(
        title="Byline",
        version=__version__,
        summary="The change history of your microservices.",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    cursors = Cursors(cursor_key or secrets.token_bytes(32))
    app.state.site = Site(reader=history.reader, bucket=bucket, cursors=cursors, processor=processor)
    for routes in (routes_events, routes_entity, routes_health, routes_pages):
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    _describe(app)
    openapi.install(app)
    problems.install(app, page=dressed)
    app.add_middleware(LoopbackOnly)
    return app


def _describe(app: FastAPI) -> None:
    """The API's description, for programs and for people. Its page needs nothing from elsewhere, unlike FastAPI's
    own."""

    @app.get("/openapi.json", include_in_schema=False)
    def document(request: Request) -> Response:
        read(request.scope["query_string"], ())
        return JSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> Response:
        read(request.scope["query_string"], ())
        return page("api.html", document=app.openapi())
