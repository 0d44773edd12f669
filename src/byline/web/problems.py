"""Errors as RFC 9457 problem details: ``type, title, status, detail`` and, where fields are at fault, ``errors``.

What went wrong inside is logged and never shown: a reader learns what to do, not how the house is built.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from byline.errors import InvalidCursor, ObjectMissing, SchemaOutdated, Unreachable, UsageError
from byline.web.params import BadParameters, FieldError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer that is not a file: no cache keeps it, since who may see it can change, and it is what its type
says it is."""


class Problem(msgspec.Struct, kw_only=True):
    """What is sent instead of an answer (RFC 9457). ``type`` is always ``about:blank``: the status says what kind it
    is."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | msgspec.UnsetType = msgspec.UNSET


def problem(
    status: int, detail: str, *, errors: list[FieldError] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem details answer; its title is the status in words."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or msgspec.UNSET)
    return Response(
        msgspec.json.encode(body),
        status,
        media_type=MEDIA_TYPE,
        headers={**HEADERS, **(headers or {})},
    )


_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method.",
}


def from_http(error: HTTPException) -> Response:
    """What routing, or a route of ours, refused."""
    status = HTTPStatus(error.status_code)
    spoken = (
        error.detail if error.detail and error.detail != status.phrase else _DETAILS.get(status, status.description)
    )
    return problem(status, spoken or status.phrase, headers=error.headers)


def from_usage(error: UsageError) -> Response:
    """The call is wrong: every field at fault by name."""
    match error:
        case BadParameters():
            return problem(400, "The call is wrong; see errors.", errors=error.errors)
        case InvalidCursor():
            return problem(400, "The call is wrong; see errors.", errors=[FieldError("cursor", str(error))])
        case _:
            return problem(400, str(error))


def from_unreachable(error: Unreachable) -> Response:
    """Something the answer needs is down."""
    if isinstance(error, SchemaOutdated):
        return problem(503, "The history's schema is out of date: run `byline migrate`.")
    if isinstance(error, ObjectMissing):
        return problem(404, "The history knows the event, but the bucket does not have its object any more.")
    return problem(
        503, "Byline cannot read its data just now. Try again; its log has the reason.", headers={"Retry-After": "5"}
    )


def _answer(error: Exception) -> Response:
    match error:
        case HTTPException():
            return from_http(error)
        case UsageError():
            return from_usage(error)
        case Unreachable():
            log.error("needed, and not reachable: %s", error)
            return from_unreachable(error)
        case _:
            # The server logs the traceback itself, once the answer is sent.
            return problem(500, "Byline failed here; the reason is in its log.")


Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI, *, page: Callable[[Request, Response], Response]) -> None:
    """Answer every error with a problem. ``page`` may dress one for a browser that asked for a page."""

    async def handle(request: Request, error: Exception) -> Response:
        return page(request, _answer(error))

    async def leave(_: Request, __: Exception) -> Response:
        # Whoever sent half a body and left hears nothing of this. It is their doing: no failure of ours to be logged.
        return problem(400, "The body breaks off.")

    app.add_exception_handler(ClientDisconnect, leave)
    for kind in (HTTPException, UsageError, Unreachable, Exception):
        app.add_exception_handler(kind, handle)
