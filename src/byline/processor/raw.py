"""One event's bytes, read back from the bucket by streaming its object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Protocol

from byline.bucket.port import Bucket
from byline.errors import BucketError, ObjectMissing
from byline.model.query import ObjectRef
from byline.processor.inflate import BadCompression, inflate
from byline.processor.lines import Line, form_of, read_lines

_CHANGED = "Objects are written once: find out who touched the bucket, and put the original back."


def raw_line(bucket: Bucket, ref: ObjectRef) -> bytes:
    """The bytes of one line, at most 8 MiB, without its line end.

    Raises :class:`~byline.errors.ObjectMissing`, or :class:`~byline.errors.BucketError` where the object has no such
    line any more."""
    with bucket.open(ref.key) as opened:
        for line in read_lines(opened, form_of(ref.key)):
            if isinstance(line, Line) and line.number == ref.line:
                return line.data
    raise BucketError(f"{ref.key} has no line {ref.line} any more", hint=_CHANGED)


class Stored(Protocol):
    """Whatever knows where an event rests: an ``EventRow``, a ``Link``."""

    @property
    def object(self) -> ObjectRef: ...

    @property
    def sha256(self) -> str: ...


def raw_event(bucket: Bucket, event: Stored) -> bytes:
    """:func:`raw_line`, and proof that these are the bytes that the history has taken."""
    data = raw_line(bucket, event.object)
    if sha256(data).hexdigest() != event.sha256:
        raise BucketError(f"line {event.object.line} of {event.object.key} is not what was recorded", hint=_CHANGED)
    return data


def raw_events(bucket: Bucket, events: Iterable[Stored]) -> dict[ObjectRef, bytes]:
    """:func:`raw_event` of many: each object is read once, as far as it is needed. What rests in an object that is not
    there any more is left out."""
    wanted: dict[str, dict[int, str]] = {}
    for event in events:
        wanted.setdefault(event.object.key, {})[event.object.line] = event.sha256
    found: dict[ObjectRef, bytes] = {}
    for key, lines in wanted.items():
        with suppress(ObjectMissing):
            found.update(_lines_of(bucket, key, lines))
    return found


def _lines_of(bucket: Bucket, key: str, wanted: Mapping[int, str]) -> Iterator[tuple[ObjectRef, bytes]]:
    left = dict(wanted)
    with bucket.open(key) as opened:
        for line in read_lines(opened, form_of(key)):
            if isinstance(line, Line) and line.number in left:
                if sha256(line.data).hexdigest() != left.pop(line.number):
                    raise BucketError(f"line {line.number} of {key} is not what was recorded", hint=_CHANGED)
                yield ObjectRef(key, line.number), line.data
                if not left:
                    return
    raise BucketError(f"{key} has no line {min(left)} any more", hint=_CHANGED)


def read_range(bucket: Bucket, key: str, offset: int, size: int) -> Iterator[bytes]:
    """``size`` bytes from ``offset`` of the inflated object, of any length, in chunks; fewer where the object breaks
    off."""
    with bucket.open(key) as opened:
        at = 0
        try:
            for chunk in inflate(opened, form_of(key).compression):
                wanted = chunk[max(0, offset - at) : max(0, offset + size - at)]
                at += len(chunk)
                if wanted:
                    yield wanted
                if at >= offset + size:
                    return
        except BadCompression:
            return
