"""An entity's state as rows: attribute, value, what it went through, who set it last. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from byline.model.query import ChangeItem, EventRow
from byline.processor.blame import Blame
from byline.web.pages.address import entity_page, user_page
from byline.web.pages.clock import Clock
from byline.web.pages.ruler import Stroke
from byline.web.sentence import Piece, Sentence
from byline.web.values import Side, one_side

SHOWN: Final = 80
"""Characters of a value that a row shows."""

Age = Literal["week", "year", "before", "oldest", "unknown"]


class Row(Struct, frozen=True, kw_only=True):
    """An attribute of the state."""

    attribute: str
    value: Side
    strokes: list[Stroke]
    who: Sentence
    person: str | None
    """The address of whoever set it."""
    when: str | None
    at: str | None
    """RFC 3339."""
    to_moment: str | None
    """The address of the moment when it was set."""
    age: Age
    was: Side | None
    """What it was before, where it was set at the moment that is shown."""


def rows(
    blame: Sequence[Blame],
    events: Mapping[str, EventRow],
    strokes: Mapping[str, list[Stroke]],
    shown: EventRow | None,
    clock: Clock,
    entity: tuple[str, str],
) -> list[Row]:
    """The state, in order of attributes. ``events``, by id, are those that set it."""
    ages = _ages([told.occurred_at for told in blame], clock)
    before = _set_at(shown)
    return [
        Row(
            attribute=told.attribute,
            value=one_side(told.value, told.type, SHOWN),
            strokes=strokes.get(told.attribute, []),
            who=_who(told, events.get(told.event_id or "")),
            person=_person(told, events.get(told.event_id or "")),
            when=clock.short(told.occurred_at) if told.occurred_at else None,
            at=told.occurred_at,
            to_moment=entity_page(*entity, told.occurred_at) if told.occurred_at else None,
            age=age,
            was=_before(before.get(told.attribute), shown),
        )
        for told, age in zip(blame, ages, strict=True)
    ]


def _set_at(event: EventRow | None) -> dict[str, ChangeItem]:
    if event is None or event.action == "create":
        return {}
    return {change.attribute: change for change in event.changes}


def _before(change: ChangeItem | None, event: EventRow | None) -> Side | None:
    if change is None or event is None:
        return None
    one_sided = "one_sided" in event.flags
    return one_side(change.previous_value, change.previous_type, SHOWN, one_sided=one_sided)


def _who(told: Blame, event: EventRow | None) -> Sentence:
    """Who is to name; where that is not known, nothing more is said: it may have been so before recording began."""
    if told.event_id is None:
        return [Piece("not recorded", "unknown")]
    if event and event.job:
        return [Piece("job "), Piece(event.job, "who")]
    name = told.user_name or told.user_email or (f"user {told.user_id[:8]}" if told.user_id else None)
    if name:
        return [Piece(name, "who")]
    if event and event.source != "application":
        return [Piece("someone unknown", "unknown")]
    return [Piece(told.microservice_name or "", "who"), Piece(", no one signed in")]


def _person(told: Blame, event: EventRow | None) -> str | None:
    return None if event and event.job else user_page(told.user_id, told.user_email)


def _ages(moments: Sequence[str | None], clock: Clock) -> list[Age]:
    """Four strengths: within a week, within a year, before that, and the oldest of all."""
    known = [moment for moment in moments if moment]
    oldest = min(known, default=None)
    several = len(set(known)) > 1
    return [_age(moment, clock, is_oldest=several and moment == oldest) for moment in moments]


def _age(moment: str | None, clock: Clock, *, is_oldest: bool) -> Age:
    if moment is None:
        return "unknown"
    days = (clock.now - datetime.fromisoformat(moment)).days
    if is_oldest and days >= 7:
        return "oldest"
    return "week" if days < 7 else "year" if days < 365 else "before"
