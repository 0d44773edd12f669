"""What the pages ask of the history, each question bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from msgspec import structs

from byline.model.gap import Gap
from byline.model.query import DayActivity, EventRow, Query
from byline.processor.unexplained import gaps_before
from byline.web.caller import Caller
from byline.web.pages.chart import WIDE
from byline.web.pages.clock import Clock
from byline.web.pages.story import Whole, requests_of
from byline.web.site import Site

REQUEST_AT_MOST: Final = 200
"""Events of a request that are looked at: more are said to be more."""


def whole_request(site: Site, caller: Caller, request_id: str) -> Whole:
    """Everything a request did, oldest first."""
    query = Query(request_id=request_id, order="oldest", limit=REQUEST_AT_MOST, within=caller.within)
    found = site.reader.events(query)
    return Whole(found.rows, found.next is None)


def requests_among(site: Site, caller: Caller, events: Sequence[EventRow]) -> dict[str, Whole]:
    """The requests that several of these events belong to, each whole."""
    return {request_id: whole_request(site, caller, request_id) for request_id in requests_of(events)}


def gaps_among(site: Site, caller: Caller, events: Sequence[EventRow]) -> dict[str, Gap]:
    """What changed unseen before these events."""
    return gaps_before(site.reader, site.bucket, events, within=caller.within)


def activity(site: Site, query: Query, clock: Clock) -> list[DayActivity] | None:
    """The days of the chart under these filters, whatever part of them a page shows; ``None`` where no rollup fits."""
    if query.from_ is not None or query.to is not None:
        return None
    today = clock.now.replace(hour=0, minute=0, second=0, microsecond=0)
    span = structs.replace(query, from_=today - timedelta(days=WIDE - 1), after=None, to=None)
    return site.reader.activity(span)


def newest_at(site: Site, query: Query) -> tuple[str | None, bool]:
    """When the newest event was that meets this question, and whether that is certain: among very many events it is not
    looked for to the end."""
    found = site.reader.events(structs.replace(query, limit=1, after=None, order="newest"))
    return (found.rows[0].occurred_at if found.rows else None), bool(found.rows or found.next is None)
