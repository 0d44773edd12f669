"""``/v1/feed``: events in order of arrival, for followers; ``/v1/activity``: how many there are a day."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.errors import StaleFeed
from byline.model.access import TABLE as READS
from byline.model.query import FeedPlace
from byline.processor.feed import feed as read_feed
from byline.web.answer import answer
from byline.web.caller import CallerOf
from byline.web.openapi import answers, parameters
from byline.web.params import ACTIVITY, LIMIT, BadParameters, FieldError, Parameter, read, to_query
from byline.web.refusals import Gone
from byline.web.shapes import Activity, Feed
from byline.web.site import SiteOf

router = APIRouter(prefix="/v1", tags=["history"])

_PLACE = re.compile(r"([0-9]{1,15})\.([0-9]{1,15})\.([0-9]{1,15})", re.ASCII)


def _read_place(text: str) -> FeedPlace:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError("is not the next of a page of this feed")
    return FeedPlace(*map(int, match.groups()))


FEED = (
    Parameter(
        "after",
        "Where to go on: `next` of the page before. Without it, from the beginning.",
        {"type": "string", "pattern": f"^{_PLACE.pattern}$"},
        _read_place,
    ),
    LIMIT,
)


@router.get(
    "/feed",
    summary="Events in order of arrival, for followers",
    response_class=Response,
    responses=answers(Feed, "The next events.", problems=(400, 401, 403, 410, 429, 503)),
    openapi_extra=parameters(FEED),
)
def feed(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    values = read(request.scope["query_string"], FEED)
    try:
        page = read_feed(site.reader, values.get("after"), limit=values.get("limit", 50), within=caller.within)
    except StaleFeed as stale:
        raise Gone(f"{stale}. {stale.hint}".replace("`after`", "after")) from None
    at = page.next
    shown = [event for event in page.events if event.table_id != READS]
    return answer(Feed(shown, f"{at.epoch}.{at.arrival}.{at.line}", page.at_end))


@router.get(
    "/activity",
    summary="Events a day, by what they did",
    response_class=Response,
    responses=answers(Activity, "The days that have events, oldest first."),
    openapi_extra=parameters(ACTIVITY),
)
def activity(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    values = read(request.scope["query_string"], ACTIVITY)
    days = site.reader.activity(to_query(values, within=caller.within))
    if days is None:
        raise BadParameters([FieldError("from", "from and to must be at midnight UTC: activity is kept by day")])
    return answer(Activity(days))
