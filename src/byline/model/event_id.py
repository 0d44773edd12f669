"""The id of an event: a UUIDv7 is kept, anything else becomes a UUIDv8, so that every stored id is in time order
(DESIGN §3).

A UUIDv8 (RFC 9562 §5.8) holds the time stamp's milliseconds since 1970 in its first 48 bits (0 for what is earlier),
then 74 bits of a SHA-256: of the service and the id that it sent, or of the object's key and the line. No clock and
no chance: a redelivery has the same id.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LENGTH: Final = 36
_VERSION_AT: Final = 14
_VARIANT_AT: Final = 19
_RFC_VARIANT: Final = "89abAB"


def uuid7(text: str) -> UUID | None:
    """The UUIDv7 that ``text`` spells, in the hyphenated form and any letter case; ``None`` where it is something
    else."""
    if len(text) != _LENGTH or text[_VERSION_AT] != "7" or text[_VARIANT_AT] not in _RFC_VARIANT:
        return None
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return None


def from_sent_id(when: datetime, service: str, sent_id: str) -> UUID:
    """The UUIDv8 of an event that its service calls ``sent_id``."""
    return _uuid8(when, "sent", service, sent_id)


def from_place(when: datetime, key: str, line: int) -> UUID:
    """The UUIDv8 of an event without an id: line ``line`` of the object ``key``."""
    return _uuid8(when, "place", key, str(line))


def _uuid8(when: datetime, kind: str, first: str, second: str) -> UUID:
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    hashed = sha256(f"{kind} {len(first)} {first} {second}".encode("utf-8", "surrogatepass")).digest()
    bits = int.from_bytes(hashed[:10], "big")
    milliseconds = max(0, (when - _EPOCH) // _MILLISECOND)
    return UUID(int=milliseconds << 80 | 0x8 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | bits & (1 << 62) - 1)
