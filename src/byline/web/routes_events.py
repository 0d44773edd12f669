"""``/v1/changes``, ``/v1/events``, ``/v1/events/{event_id}`` and its bytes, ``/v1/request``.

Routes are plain functions: the reader blocks, so the server runs them in its thread pool.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from byline.model.query import EventRow, Query
from byline.processor.raw import raw_event
from byline.processor.undo import undo_request
from byline.web.answer import answer, answer_bytes
from byline.web.caller import Caller, CallerOf
from byline.web.openapi import answers, in_path, parameters, refusals
from byline.web.params import ONE_REQUEST, QUERY, read, to_query
from byline.web.refusals import NotFound
from byline.web.shapes import Changes, Events, RequestEvents
from byline.web.site import Site, SiteOf


async def event_id_of(request: Request) -> str:
    """The event that a path names."""
    return str(request.path_params["event_id"])


EventId = Annotated[str, Depends(event_id_of)]
_EVENT_ID = in_path("event_id", "The event's id, as `event_id` tells it.")

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
    responses=answers(EventRow, "The event.", problems=(400, 401, 403, 404, 429, 503)),
    openapi_extra=_EVENT_ID,
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
        **refusals((400, 401, 403, 404, 429, 503)),
    },
    openapi_extra=_EVENT_ID,
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
    wants_undo = values.pop("undo", "yes") == "yes"
    asked: Query = to_query({**values, "order": "oldest"}, within=caller.within)
    query = site.continued(asked, values.get("cursor"), route="request")
    page = site.reader.events(query)
    plan = None
    if wants_undo and query.after is None:
        plan = undo_request(site.reader, site.bucket, values["request_id"], within=caller.within)
    after = site.cursors.seal(page.next, route="request", query=query)
    return answer(RequestEvents(values["request_id"], page.rows, after, plan))


def _find(site: Site, caller: Caller, event_id: str) -> EventRow:
    found = site.reader.event(event_id, within=caller.within)
    if found is None:
        raise NotFound("No event has this id.")
    return found
