"""The front page: the newest events as sentences, under the same filters and cursors as ``/v1/events``."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from byline.model.query import DayActivity, EventRow, Page
from byline.web.caller import Caller, CallerOf
from byline.web.pages.chart import NARROW, WIDE, Chart, chart, day_counts
from byline.web.pages.clock import Clock
from byline.web.pages.facts import activity, gaps_among, newest_at, requests_among
from byline.web.pages.filters import WORDS, View, canonical, view_of
from byline.web.pages.frame import Foot, Frame, FrameOf
from byline.web.pages.question import heading, nothing, together
from byline.web.pages.routes_live import place_now
from byline.web.pages.story import Day, Telling, days
from byline.web.params import QUERY, read, to_query
from byline.web.site import Site, SiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)


SHOWN: Final = 100
"""Events of a page: a request of many is one story."""


class Fewer(Struct, frozen=True):
    """The same question with one filter fewer, and its newest answer."""

    word: str
    value: str
    address: str
    newest: str | None
    certain: bool


@router.get("/", response_class=Response)
def front(request: Request, site: SiteOf, caller: CallerOf, frame: FrameOf) -> Response:
    """The newest changes, under filters."""
    return timeline(request, site, caller, frame, template="changes.html")


def timeline(
    request: Request,
    site: Site,
    caller: Caller,
    frame: Frame,
    *,
    template: str,
    fixed: tuple[str, ...] = (),
    **more: Any,
) -> Response:
    """A page of stories under filters. ``fixed`` are those that are what the page is about."""
    clock = frame.clock
    path = request.url.path
    if (said := canonical(request.scope["query_string"], clock)) is not None:
        return RedirectResponse(View(path, dict(said), clock).at(), 303)
    values = read(request.scope["query_string"], QUERY)
    asked = to_query({"limit": SHOWN, **values}, within=caller.within)
    place = place_now(site)
    query = site.continued(asked, values.get("cursor"), route="page")
    found = site.reader.events(query)
    view = view_of(path, values, clock, fixed=fixed)
    cursor = site.cursors.seal(found.next, route="page", query=query)
    counted = activity(site, asked, clock)
    missed = _is_nothing(found) and bool(view.chosen)
    empty = not found.rows and not view.filters and "cursor" not in values
    return page(
        template,
        frame=frame,
        view=view,
        heading=nothing(view) if missed else heading(view),
        deck=together(len(view.chosen)) if missed else "",
        days=_days(site, caller, found, clock, view),
        charts=_charts(counted, clock),
        counts=day_counts(counted or []) if clock.is_utc and not view.chosen else {},
        older=view.at(cursor=cursor) if cursor else None,
        continued="cursor" in values,
        live=place if not values.get("cursor") and query.order == "newest" else None,
        fewer=_with_one_fewer(site, caller, values, view) if missed else [],
        empty=empty,
        foot=None
        if _is_nothing(found)
        else Foot(as_json=view.at("/v1/events"), export=view.at("/v1/export", order=None)),
        **more,
    )


def _is_nothing(found: Page[EventRow]) -> bool:
    return not found.rows and found.next is None


def _days(site: Site, caller: Caller, found: Page[EventRow], clock: Clock, view: View) -> list[Day]:
    asked = view.filters.get("attribute")
    telling = Telling(
        about="who" if view.fixed else None,
        naming=(asked,) if asked else (),
        filtered=bool(view.filters.keys() - {"order"}),
        requests=requests_among(site, caller, found.rows),
        gaps=gaps_among(site, caller, found.rows),
    )
    return days(found.rows, clock.day, telling)


def _charts(counted: list[DayActivity] | None, clock: Clock) -> list[Chart]:
    """The chart twice, for wide screens and narrow ones."""
    if not counted:
        return []
    today = clock.now.date()
    return [chart(counted, today, length) for length in (WIDE, NARROW)]


def _with_one_fewer(site: Site, caller: Caller, values: dict[str, Any], view: View) -> list[Fewer]:
    """The same question without each of its filters in turn."""
    found = []
    for name in view.chosen:
        rest = {other: value for other, value in values.items() if other not in (name, "cursor")}
        newest, certain = newest_at(site, to_query(rest, within=caller.within))
        found.append(Fewer(WORDS.get(name, name), view.told(name), view.without(name), newest, certain))
    # The answers first, in the order of the filters.
    return sorted(found, key=lambda fewer: fewer.newest is None)
