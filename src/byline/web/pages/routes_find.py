"""``/find``: the find box. An entity, a request or a person, by what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter
from msgspec import structs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from byline.model.query import Query
from byline.web.pages.address import LONGEST, address, entity_page, request_page, user_page
from byline.web.pages.filters import canonical
from byline.web.pages.frame import FrameOf
from byline.web.params import Parameter, read
from byline.web.site import Site, SiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)

_WORDS = Parameter("q", "What to look for.", {})
_SPLIT: Final = re.compile(r"[\s/:#]+")


@router.get("/find", response_class=Response)
def find(request: Request, site: SiteOf, frame: FrameOf) -> Response:
    """Straight to what was meant, where it is known; else what it could be."""
    if (said := canonical(request.scope["query_string"], frame.clock)) is not None:
        return RedirectResponse(address("/find", dict(said)), 303)
    words: str = read(request.scope["query_string"], (_WORDS,)).get("q", "").strip()[:LONGEST]
    for query, where in _meanings(words):
        if site.reader.events(structs.replace(query, limit=1)).rows:
            return RedirectResponse(where, 303)
    return page("find.html", frame=frame, words=words, guesses=_guesses(site, words) if words else [])


def _meanings(words: str) -> Iterator[tuple[Query, str]]:
    """What these words may mean, the most exact first, each with its page."""
    if not words:
        return
    for query, where in (
        (Query(request_id=words), request_page(words)),
        (Query(user_id=words), user_page(words, None)),
        (Query(user_email=words), user_page(None, words)),
    ):
        if where:
            yield query, where
    for table, entity in _pairs(words):
        if where := entity_page(table, entity):
            yield Query(table_id=table, entity_id=entity), where
    yield Query(table_id=words), address("/", {"table_id": words})
    yield Query(microservice_name=words), address("/", {"microservice_name": words})
    yield Query(attribute=words), address("/", {"attribute": words})


def _pairs(words: str) -> Iterator[tuple[str, str]]:
    """``products_master 1`` (also with ``/``, ``:`` or ``#`` between) as table and entity, at each place where it can
    be cut."""
    for cut in list(_SPLIT.finditer(words))[:8]:
        table, entity = words[: cut.start()], words[cut.end() :]
        if table and entity:
            yield table, entity


def _guesses(site: Site, words: str) -> list[tuple[str, str, str]]:
    """Entities of this id, in whatever table, and requests that begin so are not guessed: there is no index of
    them."""
    found = site.reader.events(Query(entity_id=words, limit=20)).rows
    seen = dict.fromkeys((event.table_id, event.entity_id) for event in found)
    return [(table, entity, where) for table, entity in seen if (where := entity_page(table, entity))]
