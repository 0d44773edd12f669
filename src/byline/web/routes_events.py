"""``/v1/changes``, ``/v1/events``, ``/v1/events/{event_id}`` and its bytes, ``/v1/request``.

Routes are plain functions: the reader blocks, so the server runs them in its thread pool.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from byline.model.query import EventRow, Query
from byline.processor.raw import raw_event
from byline.web.answer import answer, answer_bytes
from byline.web.caller import Caller, CallerOf
from byline.web.openapi import answers, parameters, refusals
from byline.web.params import ONE_REQUEST, QUERY, read, to_query
from byline.web.problems import NotFound
from byline.web.shapes import Changes, Events, RequestEvents
from byline.web.site import Site, SiteOf

EventId = Annotated[str, Path(description="The event's id, as `event_id` tells it.")]

router = APIRouter(prefix="/v1", tags=["history"])


@router.get(
    "/changes",
    summary="One flat row per changed attribute",
    response_class=Response,
    responses=answers(Changes, "A page of changes."),
    openapi_extra=parameters(QUERY),
)
def changes(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    query = site.question(request, caller, route="changes")
    page = site.reader.changes(query)
    return answer(Changes(page.rows, site.cursors.seal(page.next, route="changes", query=query)))


@router.get(
    "/events",
    summary="The same facts grouped: one item per event, its changes inside",
    response_class=Response,
    responses=answers(Events, "A page of events."),
    openapi_extra=parameters(QUERY),
)
def events(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    query = site.question(request, caller, route="events")
    page = site.reader.events(query)
    return answer(Events(page.rows, site.cursors.seal(page.next, route="events", query=query)))


@router.get(
    "/events/{event_id}",
    summary="One event",
    response_class=Response,
    responses=answers(EventRow, "The event.", problems=(400, 404, 503)),
)
def event(event_id: EventId, request: Request, site: SiteOf, caller: CallerOf) -> Response:
    read(request.scope["query_string"], ())
    return answer(_find(site, caller, event_id))


@router.get(
    "/events/{event_id}/raw",
    summary="One event's bytes, as they rest in the bucket",
    response_class=Response,
    responses={
        200: {
            "description": "The bytes, never changed since they were written.",
            "content": {"application/json": {"schema": {}}},
            "headers": {"ETag": {"description": "Their SHA-256.", "schema": {"type": "string"}}},
        },
        304: {"description": "The reader has these bytes already."},
        **refusals((400, 404, 503)),
    },
)
def raw(event_id: EventId, request: Request, site: SiteOf, caller: CallerOf) -> Response:
    read(request.scope["query_string"], ())
    found = _find(site, caller, event_id)
    return answer_bytes(request, lambda: raw_event(site.bucket, found), sha256=found.sha256)


@router.get(
    "/request",
    summary="Everything one request changed, across services, oldest first",
    response_class=Response,
    responses=answers(RequestEvents, "A page of the request's events."),
    openapi_extra=parameters(ONE_REQUEST),
)
def one_request(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    values = read(request.scope["query_string"], ONE_REQUEST)
    asked: Query = to_query({**values, "order": "oldest"}, within=caller.within)
    query = site.continued(asked, values.get("cursor"), route="request")
    page = site.reader.events(query)
    return answer(
        RequestEvents(values["request_id"], page.rows, site.cursors.seal(page.next, route="request", query=query))
    )


def _find(site: Site, caller: Caller, event_id: str) -> EventRow:
    found = site.reader.event(event_id, within=caller.within)
    if found is None:
        raise NotFound("No event has this id.")
    return found
