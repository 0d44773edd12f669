"""``/embed/timeline``: an entity's history, told, for ``<byline-timeline>`` in other people's pages.

The sentences and differences are made here, so that the element, the pages and the command line say the same."""

from __future__ import annotations

from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.model.gap import Gap
from byline.model.query import EventRow
from byline.processor.unexplained import gaps_before
from byline.web.caller import CallerOf
from byline.web.pages.address import entity_page
from byline.web.params import ENTITY, PAGING, TABLE, Parameter, read, to_query
from byline.web.problems import HEADERS
from byline.web.sentence import Sentence, gap_sentence, notes_of, sentence
from byline.web.site import SiteOf
from byline.web.values import Difference, difference

router = APIRouter(include_in_schema=False)

SHOWN: Final = 10
_ROWS: Final = 4
_PARAMETERS: Final = (
    Parameter(TABLE.name, TABLE.description, TABLE.schema, required=True),
    Parameter(ENTITY.name, ENTITY.description, ENTITY.schema, required=True),
    *PAGING,
)


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event, or (``mark`` is ``?``) what changed without one."""

    mark: str
    sentence: Sentence
    rows: list[Difference] = []
    more: int = 0
    """Attributes that are not among the rows."""
    since: str | None = None
    at: str
    service: str | None = None
    notes: list[str] = []


class Timeline(msgspec.Struct, frozen=True):
    """A page of an entity's history, newest first. ``page`` is the entity's own page here, as a path."""

    items: list[Item]
    next_cursor: str | None
    page: str | None


_MARKS: Final = {"create": "+", "update": "±", "delete": "\N{MINUS SIGN}"}


@router.get("/embed/timeline", response_class=Response)
def timeline(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    """A page of an entity's history."""
    values = read(request.scope["query_string"], _PARAMETERS)
    asked = to_query({"limit": SHOWN, **values}, within=caller.within)
    query = site.continued(asked, values.get("cursor"), route="embed")
    found = site.reader.events(query)
    gaps = gaps_before(site.reader, site.bucket, found.rows, within=caller.within)
    items: list[Item] = []
    for event in found.rows:
        items.append(_event(event))
        if gap := gaps.get(event.event_id):
            items.append(_gap(gap))
    told = Timeline(
        items,
        site.cursors.seal(found.next, route="embed", query=query),
        entity_page(values["table_id"], values["entity_id"]),
    )
    return Response(msgspec.json.encode(told), media_type="application/json", headers=HEADERS)


def _event(event: EventRow) -> Item:
    changes = event.changes if event.action == "update" else []
    shown = changes if len(changes) <= _ROWS else changes[: _ROWS - 1]
    return Item(
        mark=_MARKS[event.action],
        sentence=sentence(event, about="entity"),
        rows=[difference(change, one_sided="one_sided" in event.flags) for change in shown],
        more=len(changes) - len(shown),
        at=event.occurred_at,
        service=event.microservice_name,
        notes=notes_of(event),
    )


def _gap(gap: Gap) -> Item:
    return Item(mark="?", sentence=gap_sentence(gap, about="entity"), since=gap.since, at=gap.until)
