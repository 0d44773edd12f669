"""``/live``: how many events have arrived that a page would show now. A page asks again and again; it is not a read."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.model.access import TABLE as READS
from byline.model.query import EventRow, FeedPlace, Query
from byline.web.caller import SignedIn
from byline.web.confined import confined
from byline.web.pages.live import meets
from byline.web.params import FILTERS, Parameter, read, to_query
from byline.web.problems import HEADERS
from byline.web.site import Site, WholeSiteOf

router = APIRouter(include_in_schema=False)

_AT_MOST: Final = 200
"""Events that are looked at: more are said to be more."""
_PLACE: Final = re.compile(r"([0-9]{1,15})\.([0-9]{1,15})\.([0-9]{1,15})", re.ASCII)
_ANY_LINE: Final = 10**14


def _read_place(text: str) -> FeedPlace:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError("is not a place in the feed")
    return FeedPlace(*map(int, match.groups()))


_LIVE = (*FILTERS, Parameter("after", "The place in the feed a page was made at.", {}, _read_place, required=True))


class News(msgspec.Struct, frozen=True):
    """``new`` events that the page would show; ``more``: at least that many. ``rebuilt``: the page's place means
    nothing any more."""

    new: int
    more: bool
    rebuilt: bool = False


def place_now(site: Site) -> str:
    """The place in the feed behind everything that is there, to be asked for before the page's events are."""
    newest = site.history.reader.health().objects
    epoch = site.history.reader.arrivals(newest, limit=1).epoch
    return f"{epoch}.{newest}.{_ANY_LINE}"


@router.get("/live", response_class=Response)
def live(request: Request, site: WholeSiteOf, caller: SignedIn) -> Response:
    """What has arrived behind a page."""
    values: dict[str, Any] = read(request.scope["query_string"], _LIVE)
    after: FeedPlace = values.pop("after")
    query = to_query(values, within=caller.within)
    page = confined(site.reader, caller.within).feed(after, limit=_AT_MOST, within=caller.within)
    new = sum(_shows(event, query) for event in page.events)
    news = News(new, not page.at_end, rebuilt=page.next.epoch != after.epoch)
    return Response(msgspec.json.encode(news), media_type="application/json", headers=HEADERS)


def _shows(event: EventRow, query: Query) -> bool:
    return (event.table_id != READS or query.table_id == READS) and meets(event, query)
