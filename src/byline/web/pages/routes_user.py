"""``/user``: a person's changes."""

from __future__ import annotations

from fastapi import APIRouter
from msgspec import structs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from byline.model.query import EventRow, Query
from byline.web.caller import Caller, CallerOf
from byline.web.pages.filters import View, canonical
from byline.web.pages.frame import FrameOf
from byline.web.pages.routes_front import timeline
from byline.web.params import QUERY, BadParameters, FieldError, read
from byline.web.refusals import NotFound
from byline.web.sentence import person
from byline.web.site import Site, SiteOf

router = APIRouter(include_in_schema=False)


@router.get("/user", response_class=Response)
def user(request: Request, site: SiteOf, caller: CallerOf, frame: FrameOf) -> Response:
    """What one person changed."""
    if (said := canonical(request.scope["query_string"], frame.clock)) is not None:
        return RedirectResponse(View("/user", dict(said), frame.clock).at(), 303)
    values = read(request.scope["query_string"], QUERY)
    name = "user_id" if "user_id" in values else "user_email"
    if name not in values:
        raise BadParameters([FieldError("user_id", "is required, or user_email")])
    newest, oldest = _ends(site, caller, Query(**{name: values[name]}))
    return timeline(
        request,
        site,
        caller,
        frame,
        template="user.html",
        fixed=(name,),
        person=newest,
        called=person(newest) or values[name],
        first_seen=oldest.occurred_at,
    )


def _ends(site: Site, caller: Caller, query: Query) -> tuple[EventRow, EventRow]:
    """The person's newest event, and the oldest. One that a job did in somebody's name tells nothing of where they
    are."""
    ends: list[EventRow] = []
    for order in ("newest", "oldest"):
        ends += site.reader.events(structs.replace(query, order=order, limit=1, within=caller.within)).rows
    if len(ends) < 2:
        raise NotFound("No event of this person is known.")
    return ends[0], ends[1]
