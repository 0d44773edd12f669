"""A change is a sentence: who, verb, what. The same words on the page, in the embedded timeline, in the demo and
wherever else a change is told.

A sentence is a list of pieces, each in its voice; how a voice looks is the page's business. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from byline.model.gap import Gap
from byline.model.query import ChangeItem, EventRow

Voice = Literal["plain", "who", "attribute", "entity", "table", "unknown", "aside", "value", "note"]

About = Literal["entity", "who"]
"""What a page is about: it is not said again in every sentence there."""

NAMED = 3
"""How many attributes a sentence names before it says how many more there are."""

_VERBS = {"create": "created", "update": "changed", "delete": "deleted"}


class Piece(Struct, frozen=True):
    """Some words of a sentence. Byline's own words are ``plain``, ``unknown``, ``aside`` and ``note``; every other
    voice is stored text, to be shown as it is and escaped."""

    text: str
    voice: Voice = "plain"


Sentence = list[Piece]


def sentence(event: EventRow, *, about: About | None = None, naming: Collection[str] = ()) -> Sentence:
    """One event: ``Pavan Kumar changed inventory and title of products_master 1.`` ``naming``: the attributes that a
    reader asked for come first, and alone."""
    told = predicate(event, about=about, naming=naming)
    # A job that runs in somebody's name is not that person.
    return capital(told) if about == "who" and not event.job else [*subject(event), Piece(" "), *told]


def subject(event: EventRow) -> Sentence:
    """Who did it, as far as is known; never empty, and never a guess."""
    if event.job:
        return [Piece("The job "), Piece(event.job, "who")]
    if name := person(event):
        return [Piece(name, "who")]
    if event.source != "application":
        return [Piece("Someone unknown", "unknown")]
    return [Piece(event.microservice_name, "who"), Piece(", with no one signed in,")]


def actor(event: EventRow) -> tuple[str, str]:
    """Who did it, to be compared: what two events have in common may be said of both."""
    if event.job:
        return "job", event.job
    for kind, known in (("id", event.user_id), ("e-mail", event.user_email), ("name", event.user_name)):
        if known:
            return kind, known
    return ("service", event.microservice_name) if event.source == "application" else ("unknown", "")


def subjects(events: Sequence[EventRow]) -> Sentence:
    """Who did all of these (at least one): the one who did, or the first who is known and how many others there
    are."""
    first = {actor(event): event for event in reversed(events)}
    if len(first) == 1:
        return subject(events[0])
    if all(kind == "service" for kind, _ in first):
        return [Piece(f"{len(first)} services, with no one signed in,")]
    known = [event for event in events if actor(event)[0] not in ("service", "unknown")]
    others = counted(len(first) - 1, "other", "others")
    return [*subject(known[0] if known else events[0]), Piece(f" and {others}")]


def by_others(events: Sequence[EventRow]) -> bool:
    """Whether a sentence about all of these leaves open who did which."""
    return len({"service" if actor(event)[0] == "service" else actor(event) for event in events}) > 1


def person(event: EventRow) -> str | None:
    """The user's name; the e-mail where there is none; else the beginning of the id."""
    return event.user_name or event.user_email or (f"user {event.user_id[:8]}" if event.user_id else None)


def predicate(event: EventRow, *, about: About | None = None, naming: Collection[str] = ()) -> Sentence:
    """What was done: the sentence from its verb on."""
    entity = Piece(f"{event.table_id} {event.entity_id}", "entity")
    here = about == "entity"
    it = Piece("it") if here else entity
    if event.action != "update":
        return [Piece(f"{_VERBS[event.action]} "), it, Piece(".")]
    if not event.changes:
        of = [] if here else [Piece(" of "), entity]
        return [Piece("sent an update"), *of, Piece(" in which nothing differed.")]
    if "one_sided" in event.flags:
        return [Piece("changed "), it, Piece(".")]
    of = [] if here else [Piece(" of "), entity]
    return [Piece("changed "), *attributes([change.attribute for change in event.changes], naming), *of, Piece(".")]


def attributes(names: Sequence[str], naming: Collection[str] = ()) -> Sentence:
    """``a``; ``a and b``; ``a, b and c``; ``a, b, c and 4 more``."""
    asked = [name for name in names if name in naming]
    shown = [Piece(name, "attribute") for name in (asked or names)[:NAMED]]
    if len(names) > len(shown):
        shown.append(Piece(f"{len(names) - len(shown)} more"))
    return listed(shown)


def listed(pieces: Sequence[Piece]) -> Sentence:
    """With commas, and an *and* before the last."""
    told: Sentence = []
    for at, piece in enumerate(pieces):
        if at:
            told.append(Piece(" and " if at == len(pieces) - 1 else ", "))
        told.append(piece)
    return told


def capital(pieces: Sentence) -> Sentence:
    """With a capital letter, for a sentence that begins with its verb."""
    first, *rest = pieces
    return [Piece(first.text[:1].upper() + first.text[1:], first.voice), *rest]


def request_sentence(
    events: Sequence[EventRow], *, whole: bool = True, about: About | None = None, seconds: float | None = None
) -> Sentence:
    """Several events of one request, oldest first. It counts only where ``whole`` says that all the request's events
    are in hand; ``seconds``: how long the request took from its first change to its last."""
    hers = about == "who" and not events[0].job and len({actor(event) for event in events}) == 1
    lead = [] if hers else [*subjects(events), Piece(" ")]
    if not whole:
        return _begun([*lead, Piece("made these changes in one request.")], hers)
    if one := one_attribute(events):
        table = Piece(events[0].table_id, "table")
        entities = counted(len(_entities(events)), "entity", "entities")
        told = [Piece("changed "), Piece(one, "attribute"), Piece(f" of {entities} in "), table, Piece(".")]
        return _begun([*lead, *told], hers)
    lasted = f" of {duration(seconds)}" if seconds else ""
    return _begun([*lead, Piece(f"{verb(events)} {scope(events)}, in one request{lasted}.")], hers)


def _begun(pieces: Sentence, verb_first: bool) -> Sentence:
    return capital(pieces) if verb_first else pieces


def verb(events: Sequence[EventRow]) -> str:
    """``created`` or ``deleted`` where all of these did; else ``changed``."""
    actions = {event.action for event in events}
    return _VERBS[actions.pop()] if len(actions) == 1 else "changed"


def scope(events: Sequence[EventRow]) -> str:
    """``5 entities in 3 services``."""
    services = counted(len({event.microservice_name for event in events}), "service", "services")
    return f"{counted(len(_entities(events)), 'entity', 'entities')} in {services}"


def _entities(events: Sequence[EventRow]) -> set[tuple[str, str]]:
    return {(event.table_id, event.entity_id) for event in events}


def one_attribute(events: Sequence[EventRow]) -> str | None:
    """The attribute, where one actor changed this one of several entities of the same table, and nothing else."""
    if len(events) < 2 or any(not _plain(event) for event in events) or len({actor(event) for event in events}) > 1:
        return None
    told = {(event.table_id, event.changes[0].attribute) for event in events}
    return told.pop()[1] if len(told) == 1 else None


def _plain(event: EventRow) -> bool:
    return event.action == "update" and len(event.changes) == 1 and not event.flags


def gap_sentence(gap: Gap, *, about: About | None = None) -> Sentence:
    """What changed without an event: ``inventory of products_master 1 went from 10 to 7 outside the recorded
    services.``"""
    of = [] if about == "entity" else [Piece(" of ", "aside"), Piece(f"{gap.table_id} {gap.entity_id}", "entity")]
    end = Piece(" outside the recorded services.", "aside")
    if len(gap.changes) == 1:
        change = gap.changes[0]
        return [Piece(change.attribute, "attribute"), *of, *_went(change), end]
    return [*attributes([change.attribute for change in gap.changes]), *of, Piece(" changed", "aside"), end]


def _went(change: ChangeItem) -> Sentence:
    before, after = brief(change.previous_value, change.previous_type), brief(change.current_value, change.current_type)
    return [Piece(" went from ", "aside"), before, Piece(" to ", "aside"), after]


def brief(value: str | None, kind: str, longest: int = 40) -> Piece:
    """A value inside a sentence."""
    if kind == "null":
        return Piece("null", "note")
    if kind == "absent" or value is None:
        return Piece("not set", "note")
    if kind == "encrypted":
        return Piece("[encrypted]", "note")
    if not value:
        return Piece("empty text", "note")
    return Piece(value if len(value) <= longest else f"{value[:longest]}…", "value")


def duration(seconds: float) -> str:
    """``2.4 s``, ``3 min 5 s``, ``2 h 4 min``; cut, never rounded up."""
    if seconds < 60:
        return f"{int(seconds * 10) / 10:g} s" if seconds >= 0.1 else f"{max(1, int(seconds * 1000))} ms"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, one: str, many: str) -> str:
    """``1 entity``, ``1,208 entities``."""
    return f"{number:,} {one if number == 1 else many}"


def plain(pieces: Iterable[Piece]) -> str:
    """The sentence as text, attributes in backquotes."""
    return "".join(f"`{piece.text}`" if piece.voice == "attribute" else piece.text for piece in pieces)


def notes_of(event: EventRow) -> list[str]:
    """What a reader should know of an event, a sentence each."""
    notes: list[str] = []
    if "one_sided" in event.flags:
        side = "before" if any(change.previous_type == "absent" for change in event.changes) else "after"
        notes.append(f"The event did not say what was there {side}.")
    if "lossy" in event.flags:
        notes.append("Repaired on arrival: something in it was not valid text.")
    if "dated_in_future" in event.flags:
        notes.append("Dated in the future.")
    return notes
