"""``/unexplained``: what changed outside of the recorded services, wherever it was found. A page examines a bounded
number of places, and goes on from there."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from byline.processor.unexplained import EXAMINED, search
from byline.web.caller import CallerOf
from byline.web.pages.address import address
from byline.web.pages.filters import canonical, view_of
from byline.web.pages.frame import FrameOf
from byline.web.params import QUERY, read, to_query
from byline.web.site import SiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)

_PATH: Final = "/unexplained"
_OF_EVENTS: Final = ("action", "request_id", "user_id", "user_email", "ip_address")
"""Filters that say nothing of a change that has no event."""


@router.get(_PATH, response_class=Response)
def unexplained(request: Request, site: SiteOf, caller: CallerOf, frame: FrameOf) -> Response:
    """The gaps, newest first."""
    if (said := canonical(request.scope["query_string"], frame.clock)) is not None:
        return RedirectResponse(address(_PATH, dict(said)), 303)
    values = read(request.scope["query_string"], [one for one in QUERY if one.name not in _OF_EVENTS])
    asked = to_query({"limit": EXAMINED, **values}, within=caller.within)
    query = site.continued(asked, values.get("cursor"), route="unexplained")
    gaps, behind = search(site.reader, site.bucket, query)
    view = view_of(_PATH, values, frame.clock)
    cursor = site.cursors.seal(behind, route="unexplained", query=query)
    return page(
        "unexplained.html",
        frame=frame,
        view=view,
        gaps=gaps,
        older=view.at(cursor=cursor) if cursor else None,
        continued="cursor" in values,
    )
