"""One event's bytes, read back from the bucket by streaming its object."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from byline.bucket.port import Bucket
from byline.errors import BucketError
from byline.model.query import EventRow, ObjectRef
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


def raw_event(bucket: Bucket, event: EventRow) -> bytes:
    """:func:`raw_line`, and proof that these are the bytes that the history has taken."""
    data = raw_line(bucket, event.object)
    if sha256(data).hexdigest() != event.sha256:
        raise BucketError(f"line {event.object.line} of {event.object.key} is not what was recorded", hint=_CHANGED)
    return data


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
