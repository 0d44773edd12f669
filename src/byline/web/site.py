"""What the routes work with. A route gets it as its caller may use it: :data:`SiteOf` shows the caller's account only,
:data:`WholeSiteOf` is for what is no account's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from msgspec import Struct, structs
from starlette.requests import Request

from byline.bucket.port import Bucket
from byline.history.port import Counts, History, Reader
from byline.model.query import Query
from byline.queue.port import Queue
from byline.web.caller import Caller, CallerOf
from byline.web.confined import confined
from byline.web.cursor import Cursors
from byline.web.params import QUERY, read, to_query
from byline.web.shapes import ProcessorHealth


class Site(Struct, frozen=True, kw_only=True):
    """Everything a route may use. Shared by the threads that answer."""

    reader: Reader
    """Confined to the caller's account (:data:`SiteOf`)."""
    history: History
    """All of it, for what belongs to no account: dead letters."""
    bucket: Bucket
    queue: Queue | None
    """``None`` where nothing is announced from here: then nothing is taken in, either."""
    cursors: Cursors
    processor: Callable[[], ProcessorHealth]
    taken: Callable[[], Counts]
    """What this process's processor has taken."""
    max_body: int
    """Bytes of one call that brings events."""

    def question(self, request: Request, caller: Caller, *, route: str) -> Query:
        """What a call asks for: its filters, on behalf of its caller, from where its cursor says. ``route`` names who
        made the cursor."""
        values = read(request.scope["query_string"], QUERY)
        query = to_query(values, within=caller.within)
        return self.continued(query, values.get("cursor"), route=route)

    def continued(self, query: Query, cursor: str | None, *, route: str) -> Query:
        """The same question from where ``cursor`` says; from its beginning where there is none."""
        return (
            query
            if cursor is None
            else structs.replace(query, after=self.cursors.open(cursor, route=route, query=query))
        )


async def whole_site(request: Request) -> Site:
    """The site as it is, with everybody's events."""
    found: Site = request.app.state.site
    return found


async def site(request: Request, caller: CallerOf) -> Site:
    """The site as the caller behind this call may use it."""
    found: Site = request.app.state.site
    return structs.replace(found, reader=confined(found.reader, caller.within))


SiteOf = Annotated[Site, Depends(site)]
WholeSiteOf = Annotated[Site, Depends(whole_site)]
