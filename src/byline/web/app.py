"""The web application: the HTTP API and the pages, over one history, one bucket and one queue."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from byline._version import __version__
from byline.bucket.port import Bucket
from byline.capture.recorder import Recorder
from byline.history.port import Counts, History
from byline.queue.port import Queue
from byline.web import (
    openapi,
    problems,
    routes_dead_letters,
    routes_entity,
    routes_events,
    routes_export,
    routes_feed,
    routes_health,
    routes_intake,
    routes_metrics,
    routes_pages,
    routes_session,
)
from byline.web.cursor import Cursors
from byline.web.embedding import Embedding
from byline.web.loopback import LoopbackOnly
from byline.web.metrics import Metrics
from byline.web.observing import Observing
from byline.web.params import read
from byline.web.rates import NoLimit, Rates
from byline.web.reads import Reads
from byline.web.same_origin import SameOrigin
from byline.web.shapes import ProcessorHealth
from byline.web.sign_in import NoSignIn, SignIn
from byline.web.site import Site
from byline.web.templates import dressed, page

DESCRIPTION = (
    "Who changed what, when, and in which request. JSON; times are RFC 3339 in UTC; errors are RFC 9457 problem "
    "details that name the fields at fault. Pages go on by cursor, and none ever counts the total."
)

MAX_BODY = 32 << 20
"""Bytes of one call that brings events, as they are sent."""

_ROUTES = (
    routes_events,
    routes_entity,
    routes_feed,
    routes_export,
    routes_intake,
    routes_dead_letters,
    routes_session,
    routes_health,
    routes_metrics,
    routes_pages,
)


def _no_processor() -> ProcessorHealth:
    return ProcessorHealth("absent")


def create_app(  # noqa: PLR0913 - each is a part of its own, given by name
    history: History,
    bucket: Bucket,
    *,
    queue: Queue | None = None,
    cursor_key: bytes | None = None,
    processor: Callable[[], ProcessorHealth] = _no_processor,
    taken: Callable[[], Counts] = Counts,
    sign_in: SignIn | None = None,
    rates: Rates | None = None,
    recorder: Recorder | None = None,
    embed_origins: Sequence[str] = (),
    max_body: int = MAX_BODY,
) -> FastAPI:
    """The application. Nothing is opened or asked here. Without ``sign_in`` it answers to loopback names only, and
    allows everything.

    ``queue`` announces events that are sent to it, and knows the dead letters; without one there is neither.
    ``cursor_key`` signs cursors; random by default, so that they end with the process. ``processor`` tells ``/health``
    how the processor of this process fares, ``taken`` what it took. ``recorder`` records who reads what."""
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
    site = Site(
        reader=history.reader,
        history=history,
        bucket=bucket,
        queue=queue,
        cursors=Cursors(cursor_key or secrets.token_bytes(32)),
        processor=processor,
        taken=taken,
        max_body=max_body,
    )
    app.state.site = site
    app.state.sign_in = sign_in or NoSignIn()
    app.state.rates = rates or NoLimit()
    app.state.metrics = Metrics(site)
    for routes in _ROUTES:
        app.include_router(routes.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    _describe(app)
    openapi.install(app)
    problems.install(app, page=_dressed)
    _protect(app, sign_in, embed_origins)
    app.add_middleware(Observing, metrics=app.state.metrics, reads=Reads(recorder) if recorder else None)
    return app


def _protect(app: FastAPI, sign_in: SignIn | None, embed_origins: Sequence[str]) -> None:
    """What stands before every route; what is added last stands first."""
    app.add_middleware(SameOrigin, signing_in=_origins(sign_in.url) if sign_in else ())
    if sign_in is None:
        app.add_middleware(LoopbackOnly)
    if embed_origins:
        app.add_middleware(Embedding, origins=embed_origins)


def _origins(url: str | None) -> tuple[str, ...]:
    parts = urlsplit(url) if url else None
    return (f"{parts.scheme}://{parts.netloc}",) if parts else ()


def _dressed(request: Request, response: Response) -> Response:
    """A problem as whoever asked can use it: a browser gets a page, or is sent to sign in."""
    if response.status_code == 405:
        response.headers["allow"] = ", ".join(_methods(request.app.openapi(), request.url.path)) or "GET"
    moved = routes_session.to_sign_in(request, response)
    return moved if moved is not response else dressed(request, response)


def _methods(document: dict[str, Any], path: str) -> list[str]:
    """What an address takes (RFC 9110 §10.2.1): each method is a route of its own, and routing knows only the first."""
    for template, calls in document["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return [method.upper() for method in calls]
    return []


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
