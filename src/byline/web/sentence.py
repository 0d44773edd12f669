"""A change is a sentence: who, verb, what. The same words on the page, in the demo and wherever else a change is told.

A sentence is a list of pieces, each in its voice; how a voice looks is the page's business. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from msgspec import Struct

from byline.model.query import EventRow

Voice = Literal["plain", "who", "attribute", "entity", "unknown"]

NAMED = 3
"""How many attributes a sentence names before it says how many more there are."""

_VERBS = {"create": "created", "update": "changed", "delete": "deleted"}


class Piece(Struct, frozen=True):
    """Some words of a sentence. Every voice but ``plain`` and ``unknown`` is stored text, to be shown as it is and
    escaped."""

    text: str
    voice: Voice = "plain"


Sentence = list[Piece]


def sentence(event: EventRow) -> Sentence:
    """One event: ``Pavan Kumar changed inventory and title of products_master 1.``"""
    return [*subject(event), Piece(" "), *predicate(event)]


def subject(event: EventRow) -> Sentence:
    """Who did it, as far as is known; never empty, and never a guess."""
    if event.job:
        return [Piece("The job "), Piece(event.job, "who")]
    if name := _person(event):
        return [Piece(name, "who")]
    if event.source != "application":
        return [Piece("Someone unknown", "unknown")]
    return [Piece(event.microservice_name, "who"), Piece(", with no one signed in,")]


def _person(event: EventRow) -> str | None:
    return event.user_name or event.user_email or (f"user {event.user_id[:8]}" if event.user_id else None)


def predicate(event: EventRow) -> Sentence:
    """What was done: the sentence from its verb on."""
    entity = Piece(f"{event.table_id} {event.entity_id}", "entity")
    if event.action != "update":
        return [Piece(f"{_VERBS[event.action]} "), entity, Piece(".")]
    if not event.changes:
        return [Piece("sent an update of "), entity, Piece(" in which nothing differed.")]
    if "one_sided" in event.flags:
        return [Piece("changed "), entity, Piece(".")]
    return [
        Piece("changed "),
        *_attributes([change.attribute for change in event.changes]),
        Piece(" of "),
        entity,
        Piece("."),
    ]


def _attributes(names: Sequence[str]) -> Sentence:
    """``a``; ``a and b``; ``a, b and c``; ``a, b, c and 4 more``."""
    shown = [Piece(name, "attribute") for name in names[:NAMED]]
    if len(names) > NAMED:
        shown.append(Piece(f"{len(names) - NAMED} more"))
    pieces: Sentence = []
    for at, piece in enumerate(shown):
        if at:
            pieces.append(Piece(" and " if at == len(shown) - 1 else ", "))
        pieces.append(piece)
    return pieces


def request_sentence(events: Sequence[EventRow], *, whole: bool) -> Sentence:
    """Several events of one request. It counts only where ``whole`` says that all the request's events are in hand."""
    if not whole:
        return [*subject(events[-1]), Piece(" made these changes in one request.")]
    entities = _count(len({(event.table_id, event.entity_id) for event in events}), "entity", "entities")
    services = _count(len({event.microservice_name for event in events}), "service", "services")
    return [*subject(events[-1]), Piece(f" changed {entities} in {services}, in one request.")]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def plain(pieces: Iterable[Piece]) -> str:
    """The sentence as text, attributes in backquotes."""
    return "".join(f"`{piece.text}`" if piece.voice == "attribute" else piece.text for piece in pieces)


class Story(Struct, frozen=True):
    """Events that are told together: those of one request, newest first, or a single one."""

    events: list[EventRow]


class Day(Struct, frozen=True):
    """A day (``YYYY-MM-DD``, UTC) and its stories, in the order of the page."""

    date: str
    stories: list[Story]


def days(events: Sequence[EventRow]) -> list[Day]:
    """A page's events as stories, by day. Events of one request on one day are one story, in the place of the first
    of them."""
    return [Day(date, _stories(list(told))) for date, told in groupby(events, key=lambda event: event.date)]


def _stories(events: Sequence[EventRow]) -> list[Story]:
    by_request: dict[str, list[EventRow]] = {}
    for event in events:
        by_request.setdefault(event.request_id or event.event_id, []).append(event)
    return [Story(told) for told in by_request.values()]
