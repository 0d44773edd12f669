"""Dead letters as sentences: what is wrong, where, and what to do about it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from byline.errors import Reason
from byline.history.port import DeadLetter
from byline.web.sentence import Piece, Sentence

SHOWN: Final = 600
"""Characters of a line that a page shows before the rest is folded."""


class Told(Struct, frozen=True):
    """A reason in words: alone, of an event that could be named, of a line that could not, and what to do."""

    wrong: str
    of_event: str
    of_line: str
    to_do: str


_AGAIN = "put the corrected event again"
_REASONS: Final[dict[Reason, Told]] = {
    "invalid_json": Told(
        "The line is not JSON.",
        "is not JSON",
        "is not JSON",
        "Often a line was cut short. Look for the whole line in the service, and put it again.",
    ),
    "invalid_encoding": Told(
        "The line is not UTF-8.",
        "is not UTF-8",
        "is not UTF-8",
        "Make the service write UTF-8, then put the line again.",
    ),
    "not_an_object": Told(
        "The line is JSON, but not an object.",
        "is not an object",
        "is not an object",
        "Make the service send one JSON object an event, then put it again.",
    ),
    "missing_field": Told(
        "The event lacks a field.",
        "lacks a field",
        "lacks a field",
        f"Make the service send the field, then {_AGAIN}.",
    ),
    "invalid_field": Told(
        "A field is not what it should be.",
        "has a field that is not what it should be",
        "has a field that is not what it should be",
        f"Make the service send it as the format says, then {_AGAIN}.",
    ),
    "unknown_action": Told(
        "The action is none of create, update and delete.",
        "has an unknown action",
        "has an unknown action",
        f"Make the service say create, update or delete, then {_AGAIN}.",
    ),
    "missing_timestamp": Told(
        "The event has no time stamp.",
        "has no time stamp",
        "has no time stamp",
        f"Make the service send `request_info.time_stamp`, then {_AGAIN}.",
    ),
    "invalid_timestamp": Told(
        "The time stamp cannot be read.",
        "has a time stamp that cannot be read",
        "has a time stamp that cannot be read",
        f"Make the service send RFC 3339, such as `2020-07-29T19:45:00Z`, then {_AGAIN}.",
    ),
    "conflicting_event": Told(
        "Another event has the same id.",
        "has the id of another event, and says something else",
        "has the id of another event, and says something else",
        "Compare the two. Where both happened, put this one again under an id of its own.",
    ),
    "too_deep": Told(
        "The event is nested too deeply.",
        "is nested too deeply",
        "is nested too deeply",
        "At most 200 levels are read. Make the service record less of it.",
    ),
    "too_large": Told(
        "The event is too large.",
        "is too large",
        "is too large",
        "At most 8 MiB an event are read. Make the service record less of it.",
    ),
    "bad_compression": Told(
        "The object cannot be unpacked.",
        "cannot be unpacked",
        "cannot be unpacked",
        "Often it was cut short. Put a whole copy of it under a new name.",
    ),
    "object_missing": Told(
        "The object is not there any more.",
        "is not there any more",
        "is not there any more",
        "It was announced, and then deleted. Put it back, then replay.",
    ),
    "foreign_bucket": Told(
        "The announcement is of another bucket.",
        "is of another bucket",
        "is of another bucket",
        "Announce this bucket's objects only: look at the notifications of the other one.",
    ),
    "gave_up": Told(
        "The processor gave up after several tries.",
        "could not be processed",
        "could not be processed",
        "Its log has the reason. Mend that, then replay.",
    ),
}


class ReasonRow(Struct, frozen=True, kw_only=True):
    """Letters of one reason."""

    reason: Reason
    count: int
    wrong: str
    to_do: str


class Part(Struct, frozen=True):
    """Some of a raw line; ``remark`` says something of Byline's at that spot instead."""

    text: str
    remark: bool = False


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter, told."""

    letter: DeadLetter
    sentence: Sentence
    detail: str
    entity: tuple[str, str] | None
    raw: list[Part]
    folded: int
    """Characters of the line that are not shown."""


def reasons(letters: Iterable[DeadLetter]) -> list[ReasonRow]:
    """How many letters there are of each reason, the most frequent first."""
    counts = Counter(letter.reason for letter in letters)
    return [
        ReasonRow(reason=reason, count=count, wrong=_REASONS[reason].wrong, to_do=_REASONS[reason].to_do)
        for reason, count in counts.most_common()
    ]


def tell(letter: DeadLetter) -> Letter:
    """A letter as a sentence, with its line and the remark at the spot."""
    text = letter.raw.decode("utf-8", errors="replace")
    known = _envelope(letter.raw)
    entity = _entity(known)
    shown, folded = text[:SHOWN], max(0, (letter.size or len(letter.raw)) - SHOWN)
    return Letter(
        letter=letter,
        sentence=_sentence(letter, known, entity),
        detail=letter.detail,
        entity=entity,
        raw=_remarked(letter, shown, whole=not folded),
        folded=folded,
    )


def _sentence(letter: DeadLetter, known: dict[str, Any], entity: tuple[str, str] | None) -> Sentence:
    told = _REASONS[letter.reason]
    if entity:
        action = str(known.get("action", "")).lower()
        what = {"create": "A create", "update": "An update", "delete": "A delete"}.get(action, "An event")
        return [Piece(f"{what} of "), Piece(" ".join(entity), "entity"), Piece(f" {told.of_event}.")]
    where = f"Line {letter.line:,}" if letter.line is not None else "An object"
    how = ": it ends in the middle of a text" if letter.detail.startswith(_CUT_SHORT) else ""
    return [Piece(f"{where} {told.of_line}{how}.")]


def entity_in(raw: bytes) -> tuple[str, str] | None:
    """The entity that a line names, where it can be read."""
    return _entity(_envelope(raw))


def _envelope(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _entity(known: dict[str, Any]) -> tuple[str, str] | None:
    table, entity = known.get("table_id"), known.get("entity_id")
    if not isinstance(table, str) or isinstance(entity, bool) or not isinstance(entity, str | int):
        return None
    return (table, str(entity)) if table and str(entity) else None


_AFTER_INFO: Final = re.compile(r'"request_info"\s*:\s*\{')
_ACTION: Final = re.compile(r'"action"\s*:\s*"[^"]*"')
_STAMP: Final = re.compile(r'"time_stamp"\s*:\s*("[^"]*"|[^,}]*)')
_CUT_SHORT: Final = "Unterminated"
"""How the parser's own words begin where a line ends inside of a text."""
_AT: Final = re.compile(r"at character (\d+)")


def _remarked(letter: DeadLetter, text: str, *, whole: bool) -> list[Part]:
    spot = _spot(letter, text, whole=whole)
    if spot is None or not text:
        return [Part(text)] if text else []
    at, remark = spot
    return [part for part in (Part(text[:at]), Part(remark, remark=True), Part(text[at:])) if part.text]


def _spot(letter: DeadLetter, text: str, *, whole: bool) -> tuple[int, str] | None:
    """Where the trouble is, and what to say there."""
    match letter.reason:
        case "missing_timestamp":
            return _behind(_AFTER_INFO, text, "time_stamp is missing here")
        case "invalid_timestamp":
            return _behind(_STAMP, text, "this is not a time stamp")
        case "unknown_action":
            return _behind(_ACTION, text, "this action is not known")
        case "invalid_json":
            return _broken_at(letter, text, whole=whole)
        case _:
            return None


def _behind(pattern: re.Pattern[str], text: str, remark: str) -> tuple[int, str] | None:
    found = pattern.search(text)
    return (found.end(), remark) if found else None


def _broken_at(letter: DeadLetter, text: str, *, whole: bool) -> tuple[int, str] | None:
    found = _AT.search(letter.detail)
    at = int(found[1]) if found else len(text)
    if at < len(text) and not letter.detail.startswith(_CUT_SHORT):
        return at, "it is broken here"
    return (len(text), "the line ends here") if whole else None


def choose(letters: Sequence[DeadLetter], reason: str | None, ids: Sequence[str]) -> list[str]:
    """The letters that a form asked to replay: those of these ids, of one reason, or all."""
    if ids:
        known = {letter.id for letter in letters}
        return [id for id in ids if id in known]
    return [letter.id for letter in letters if reason is None or letter.reason == reason]
