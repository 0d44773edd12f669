"""How keys are laid out, and which keys there can be. A key is never built from unchecked input."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from byline.errors import UsageError

EVENTS = "events/"
"""Under this prefix lie the audit events."""

DISMISSALS = "dismissals/"
"""Under this prefix lies what was decided about dead letters, so that a rebuild knows it too."""

Format = Literal["json", "ndjson"]
Compression = Literal["gz", "zst"]

PART_LIMIT = 200
"""Longest part of a key between two slashes, in characters: file systems stop at 255 bytes."""

_KEY_LIMIT = 1024
"""Longest key in bytes: the limit of S3, Google Cloud Storage and Azure."""

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OBJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,149}")
_PART = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*")
_SUFFIX = re.compile(r"(json|ndjson)(?:\.(gz|zst))?")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Suffix(NamedTuple):
    """What a key's end tells of the object's bytes."""

    format: Format
    compression: Compression | None


def event_key(service: str, when: datetime, object_id: str, suffix: str) -> str:
    """The key of an object of audit events: ``events/micro_service_name=…/date=YYYY-MM-DD/hour=HH/<id>.<suffix>``.

    ``when`` is aware and becomes UTC. ``suffix`` is ``json`` or ``ndjson``, with ``.gz`` or ``.zst`` behind it where
    the bytes are compressed; a leading dot does no harm. A service of any name gets a folder of its own. Raises
    :class:`~byline.errors.UsageError` for an empty service, a naive time, and an id or suffix of another form.
    """
    ending = suffix.removeprefix(".")
    if not _SUFFIX.fullmatch(ending):
        raise UsageError(
            f"{suffix!r} is no suffix of events", hint="Use json or ndjson, then .gz or .zst if compressed."
        )
    if not _OBJECT_ID.fullmatch(object_id):
        raise UsageError(f"{object_id[:200]!r} cannot be an object's id", hint="Use up to 150 of A-Z a-z 0-9 . _ = -")
    if when.tzinfo is None:
        raise UsageError("the time of an object's key needs a time zone", hint="Pass an aware datetime.")
    utc = when.astimezone(UTC)
    day = f"{utc.year:04d}-{utc.month:02d}-{utc.day:02d}"
    return f"{EVENTS}micro_service_name={_service_part(service)}/date={day}/hour={utc.hour:02d}/{object_id}.{ending}"


def _service_part(service: str) -> str:
    """A service's own part of a key. What was changed to fit carries a hash behind ``=``, which no unchanged name can
    hold."""
    if not service:
        raise UsageError("a service needs a name", hint="Set BYLINE_SERVICE, or micro_service_name in the event.")
    if _SERVICE.fullmatch(service):
        return service
    known_by = hashlib.sha256(service.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_UNSAFE.sub('_', service)[:80]}={known_by}"


def suffix_of(key: str) -> Suffix | None:
    """The format and compression that a key's end names; ``None`` where it names no format of ours."""
    name = key.rpartition("/")[2]
    for parts in (name.rsplit(".", 2)[1:], name.rsplit(".", 1)[1:]):
        found = _SUFFIX.fullmatch(".".join(parts))
        if found:
            return Suffix(found[1], found[2])  # type: ignore[arg-type]  # the pattern allows no other words
    return None


def check_key(key: str) -> str:
    """The key itself, if an object may be written under it; else :class:`~byline.errors.UsageError`.

    Parts between slashes hold ``[A-Za-z0-9._=-]``, are never empty, never begin with a dot (so none is ``.`` or ``..``,
    and what is hidden stays hidden), and have at most 200 characters.
    """
    parts = key.split("/")
    if len(key) <= _KEY_LIMIT and all(len(part) <= PART_LIMIT and _PART.fullmatch(part) for part in parts):
        return key
    raise UsageError(
        f"{key[:200]!r} cannot be the key of an object",
        hint="Use A-Z a-z 0-9 . _ = - between slashes; no part that is empty, begins with a dot or is longer than 200.",
    )


def readable(key: str) -> bool:
    """Whether an object that somebody else laid into the bucket can be read under this key.

    Other hands may use other characters (spaces, umlauts). What no key may do is climb, hide, or be no text.
    """
    if "\0" in key or any(not part or part.startswith(".") for part in key.split("/")):
        return False
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
