"""How files in a spool folder are called, and the key under which one rests in the bucket.

``20260726T101530Z-9f86d081884c7d65-000001.open`` is being written, ``….ndjson`` is sealed: nobody writes to it any
more. The name tells when the segment was begun, by which writer (64 random bits for each process), and its number; so
it is never given twice, also by another machine that shares the bucket.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from byline.bucket.keys import event_key

OPEN: Final = ".open"
SEALED: Final = ".ndjson"

_NAME = re.compile(r"((\d{8}T\d{6}Z)-[0-9a-f]{16}-\d{6,12})(\.open|\.ndjson)", re.ASCII)
_UNKNOWN_SERVICE: Final = "unknown"


class SegmentName(NamedTuple):
    """A file's name, taken apart."""

    stem: str
    begun: datetime
    sealed: bool

    @property
    def file(self) -> str:
        return self.stem + (SEALED if self.sealed else OPEN)


def new_name(begun: datetime, writer: str, number: int) -> SegmentName:
    """``writer``: 16 hexadecimal digits. ``begun`` is aware, and becomes UTC."""
    utc = begun.astimezone(UTC).replace(microsecond=0)
    return SegmentName(f"{utc:%Y%m%dT%H%M%S}Z-{writer}-{number:06d}", utc, sealed=False)


def parse_name(file: str) -> SegmentName | None:
    """``None`` for what is no segment: it is left alone."""
    found = _NAME.fullmatch(file)
    if found is None:
        return None
    try:
        begun = datetime.fromisoformat(found[2])
    except ValueError:
        return None
    return SegmentName(found[1], begun, found[3] == SEALED)


class _Sent(msgspec.Struct):
    micro_service_name: str


_service = msgspec.json.Decoder(_Sent)


def key_of(name: SegmentName, content: bytes) -> str:
    """The key of a sealed segment.

    It is made from the segment's name and a digest of its content: a retry has the same key, and a key that is taken
    already holds these very lines, so that to find it taken is as good as to have written it. Service: the first
    line's; the hour: when the segment was begun.
    """
    digest = sha256(content).hexdigest()[:16]
    return event_key(_service_of(content), name.begun, f"{name.stem}-{digest}", "ndjson.zst")


def _service_of(content: bytes) -> str:
    try:
        return _service.decode(content.partition(b"\n")[0]).micro_service_name or _UNKNOWN_SERVICE
    except ValueError:  # msgspec's errors are such
        return _UNKNOWN_SERVICE
