"""Dismissals: what people decided about dead letters. They rest in the bucket, so a rebuild knows them too."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from byline.bucket.keys import DISMISSALS
from byline.bucket.port import Bucket
from byline.errors import ObjectMissing, UsageError
from byline.history.port import DeadLetters

_LARGEST = 64 << 10


class Dismissal(Struct, frozen=True, kw_only=True):
    """The object ``dismissals/<id>.json``."""

    dead_letter: str
    because: str
    by: str
    at: datetime


def dismissal_key(id: str) -> str:
    """Where the dismissal of a dead letter rests."""
    return f"{DISMISSALS}{id}.json"


def write_dismissal(bucket: Bucket, dismissal: Dismissal) -> Dismissal:
    """Write it, create-only, and give back the one that holds: where two people dismiss a letter, the first one's
    reason stands. Raises :class:`~byline.errors.UsageError` for one so long that nobody would read it back."""
    key = dismissal_key(dismissal.dead_letter)
    data = msgspec.json.encode(dismissal)
    if len(data) > _LARGEST:
        raise UsageError("the reason is too long", hint="Say it in fewer words.")
    if bucket.put(key, data):
        return dismissal
    return read_dismissal(bucket, key) or dismissal


def read_dismissal(bucket: Bucket, key: str) -> Dismissal | None:
    """``None`` where there is none, or where the object is no dismissal (somebody else laid it there)."""
    try:
        with bucket.open(key) as opened:
            if opened.info.size > _LARGEST:
                return None
            found = msgspec.json.decode(b"".join(opened), type=Dismissal)
    except (ObjectMissing, msgspec.DecodeError):
        return None
    named_so = dismissal_key(found.dead_letter) == key
    return msgspec.structs.replace(found, at=_utc(found.at)) if named_so and found.because.strip() else None


def apply_dismissals(bucket: Bucket, letters: DeadLetters, known: set[str]) -> int:
    """Tell the history of every dismissal in the bucket that is not among the keys ``known``, and add it there. Says
    how many."""
    applied = 0
    for info in bucket.list(DISMISSALS):
        if info.key in known:
            continue
        known.add(info.key)
        found = read_dismissal(bucket, info.key)
        if found is not None:
            letters.dismiss(found.dead_letter, found.because, by=found.by, at=found.at)
            applied += 1
    return applied


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
