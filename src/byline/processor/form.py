"""What a file of events is, told by its bytes alone, so that the same bytes always get the same key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import Struct

from byline.errors import Rejected
from byline.model.codec import decode
from byline.processor.inflate import GZIP_MAGIC, ZSTD_MAGIC, BadCompression, Compression, inflate
from byline.processor.lines import MAX_EVENT, Form, Line, Problem, read_lines

UNREADABLE_SERVICE = "unknown"
UNREADABLE_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a file goes in which no event can be read: a fixed date, because today would give the same file two keys."""

_SUFFIXES: dict[Compression, str] = {"plain": "", "gzip": ".gz", "zstd": ".zst"}


class Content(Struct, frozen=True):
    """What a file holds: whose events, from when, and the ending its key gets."""

    service: str
    when: datetime
    suffix: str


def look_at(chunks: Iterable[bytes]) -> Content:
    """Read as far as is needed to tell: until the first event that can be read.

    It is one event where it is a single line, where all of it is one JSON value, and where not one line is a JSON
    object: what is broken then is one event printed over many lines, and wants one dead letter instead of one a line.
    """
    compression, stored = _compression(chunks)
    inflated = _sound_part(inflate(stored, compression))
    head, whole = _head(inflated)
    suffix = _SUFFIXES[compression]
    if whole and _is_document(head):
        return _first(read_lines([head], Form(document=True, compression="plain")), "json" + suffix, "json" + suffix)
    lines = read_lines(_chain(head, inflated), Form(document=False, compression="plain"))
    return _first(lines, "ndjson" + suffix, ("ndjson" if head.isspace() or not head else "json") + suffix)


def _first(lines: Iterable[Line | Problem], suffix: str, suffix_without_objects: str) -> Content:
    """Told by the first event that can be read."""
    some_object = False
    for line in lines:
        if isinstance(line, Line):
            try:
                event = decode(line.data, key="", line=line.number)
            except Rejected:
                some_object = some_object or (line.data.lstrip().startswith(b"{") and _is_json(line.data))
                continue
            return Content(event.micro_service_name, event.request_info.time_stamp, suffix)
    return Content(UNREADABLE_SERVICE, UNREADABLE_DATE, suffix if some_object else suffix_without_objects)


def _is_document(head: bytes) -> bool:
    text = head.strip()
    first, line_end, _ = text.partition(b"\n")
    if not line_end:
        return bool(text)
    return not _is_json(first) and _is_json(text)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except RecursionError:
        return True  # too deep for us, but it went on for long enough to be JSON
    except ValueError:
        return False
    return True


def _compression(chunks: Iterable[bytes]) -> tuple[Compression, Iterator[bytes]]:
    start = b""
    rest = iter(chunks)
    for chunk in rest:
        start += chunk
        if len(start) >= len(ZSTD_MAGIC):
            break
    compression: Compression = "plain"
    if start.startswith(GZIP_MAGIC):
        compression = "gzip"
    elif start.startswith(ZSTD_MAGIC) or (start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5):
        compression = "zstd"  # the second is a skippable frame (RFC 8878, 3.1.2)
    return compression, _chain(start, rest)


def _chain(start: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if start:
        yield start
    yield from rest


def _head(inflated: Iterator[bytes]) -> tuple[bytes, bool]:
    """The beginning, as long as one event may be or a little longer; and whether that is all."""
    head = bytearray()
    for chunk in inflated:
        head += chunk
        if len(head) > MAX_EVENT:
            return bytes(head), False
    return bytes(head), True


def _sound_part(inflated: Iterator[bytes]) -> Iterator[bytes]:
    """As far as it can be inflated: what is wrong with the rest is for the processor to say."""
    with suppress(BadCompression):
        yield from inflated
