"""What the routes work with: the history's reading half, the bucket, the cursors, and the state of the processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from msgspec import Struct, structs
from starlette.requests import Request

from byline.bucket.port import Bucket
from byline.history.port import Reader
from byline.model.query import Query
from byline.web.caller import Caller
from byline.web.cursor import Cursors
from byline.web.params import QUERY, read, to_query
from byline.web.shapes import ProcessorHealth


class Site(Struct, frozen=True, kw_only=True):
    """Everything a route may use. Shared by the threads that answer."""

    reader: Reader
    bucket: Bucket
    cursors: Cursors
    processor: Callable[[], ProcessorHealth]

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


def site(request: Request) -> Site:
    """The site behind this call."""
    found: Site = request.app.state.site
    return found


SiteOf = Annotated[Site, Depends(site)]
