"""``/request``: one request across services, in order, and how to undo it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.model.hidden import HIDDEN
from byline.model.jsontext import encode_number
from byline.model.query import EventRow
from byline.model.undo import UndoPlan
from byline.processor.undo import undo_request
from byline.web.caller import CallerOf
from byline.web.pages.address import address
from byline.web.pages.facts import gaps_among, whole_request
from byline.web.pages.frame import Foot, FrameOf
from byline.web.pages.lanes import lanes
from byline.web.pages.sheet import sheet
from byline.web.pages.story import lasted
from byline.web.params import REQUEST, Parameter, read
from byline.web.refusals import NotFound
from byline.web.sentence import (
    Piece,
    Sentence,
    actor,
    by_others,
    capital,
    duration,
    gap_sentence,
    one_attribute,
    predicate,
    scope,
    subject,
    subjects,
    verb,
)
from byline.web.site import SiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)

_TABS: Final = ("steps", "json", "patch")
_TEXT_AT_MOST: Final = 200_000
"""Characters of a plan that a page shows; the command has all of it."""


def _read_tab(text: str) -> str:
    if text not in _TABS:
        raise ValueError(f"must be one of {', '.join(_TABS)}")
    return text


_PARAMETERS = (
    Parameter(REQUEST.name, REQUEST.description, REQUEST.schema, required=True),
    Parameter("undo", "How the plan is shown.", {}, _read_tab),
)
_encoder = msgspec.json.Encoder(enc_hook=encode_number)


@router.get("/request", response_class=Response)
def request_page(request: Request, site: SiteOf, caller: CallerOf, frame: FrameOf) -> Response:
    """What one request changed."""
    values = read(request.scope["query_string"], _PARAMETERS)
    request_id, tab = values["request_id"], values.get("undo", "steps")
    whole = whole_request(site, caller, request_id)
    events = whole.events
    if not events:
        raise NotFound("No event of this request is known.")
    plan = undo_request(site.reader, site.bucket, request_id, within=caller.within)
    numbers = {event.event_id: number for number, event in enumerate(events, 1)}
    seconds = lasted(events) if whole.complete else None
    names = {"request_id": request_id}
    return page(
        "request.html",
        frame=frame,
        request_id=request_id,
        heading=_heading(events, complete=whole.complete),
        lead=events[0],
        people=list({actor(event): event for event in reversed(events)}.values())[::-1],
        places_of={(event.ip_address, event.browser_name, event.os): event for event in events},
        accounts=sorted({event.account_id for event in events if event.account_id}),
        lasted=duration(seconds) if seconds else None,
        events=events,
        sentences={event.event_id: _step(event, named=by_others(events)) for event in events},
        gaps={id: (gap, gap_sentence(gap)) for id, gap in gaps_among(site, caller, events).items()},
        complete=whole.complete,
        lanes=lanes(events, frame.clock.precise(events[0].occurred_at)),
        sheet=sheet(plan, numbers),
        tab=tab,
        tabs={one: address("/request", {**names, "undo": None if one == "steps" else one}) for one in _TABS},
        text=_as_text(plan, tab),
        text_at_most=_TEXT_AT_MOST,
        command=_command(request_id),
        foot=Foot(as_json=address("/v1/request", names), export=address("/v1/export", {**names, "order": "oldest"})),
    )


def _heading(events: Sequence[EventRow], *, complete: bool) -> Sentence:
    """``Lena Fischer changed 5 entities in 3 services``."""
    who = subjects(events)
    if len(events) == 1:
        return [*who, Piece(" "), *predicate(events[0])[:-1]]
    if not complete:
        return [*who, Piece(f" made the first {len(events)} changes of a request")]
    if attribute := one_attribute(events):
        told = [Piece(" changed "), Piece(attribute, "attribute"), Piece(f" of {scope(events)}")]
        return [*who, *told]
    return [*who, Piece(f" {verb(events)} {scope(events)}")]


def _step(event: EventRow, *, named: bool) -> Sentence:
    """A step begins with its verb, unless the heading leaves open who did it."""
    told = predicate(event)
    return [*subject(event), Piece(" "), *told] if named else capital(told)


def _command(request_id: str) -> str | None:
    """What to type for the plan, quoted: an id is whatever somebody sent. ``None`` where it holds what a terminal may
    take for a key."""
    if HIDDEN.search(request_id):
        return None
    return f"byline undo {'-- ' if request_id.startswith('-') else ''}{shlex.quote(request_id)}"


def _as_text(plan: UndoPlan, tab: str) -> str | None:
    """The plan as JSON, or each entity's JSON Patch (RFC 6902)."""
    if tab == "steps":
        return None
    body: Any = plan
    if tab == "patch":
        body = [
            {"table_id": step.table_id, "entity_id": step.entity_id, "json_patch": step.json_patch}
            for step in plan.steps
        ]
    return msgspec.json.format(_encoder.encode(body), indent=2).decode()
