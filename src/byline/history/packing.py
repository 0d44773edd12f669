"""How values are packed into columns: a moment as an integer, an id as bytes, a long key as its hash.

Every function here has its inverse beside it, or says why it needs none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from zlib import crc32

from byline.model.change import VALUE_TYPES, ValueType
from byline.model.event import Action

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)

ACTIONS: tuple[Action, ...] = ("create", "update", "delete")
"""In storage order."""

FLAGS = ("lossy", "one_sided")
"""Flag n is bit n."""

_KEY_BYTES = 255
_HASHED = "\0sha256:"
_UUID_TEXT = 36


def moment(time: datetime) -> int:
    """Microseconds since 1970, exact: a float would lose them."""
    gone = time - _EPOCH
    return gone.days * _DAY + gone.seconds * 1_000_000 + gone.microseconds


def time_of(microseconds: int) -> datetime:
    """The inverse of :func:`moment`."""
    return _EPOCH + microseconds * _MICROSECOND


def pack_request(request_id: str) -> bytes:
    """A UUID as people write it takes 17 bytes; any other text itself. The first byte tells which."""
    if len(request_id) == _UUID_TEXT:
        try:
            raw = bytes.fromhex(request_id.replace("-", ""))
        except ValueError:
            pass
        else:
            if uuid_text(raw) == request_id:
                return b"\1" + raw
    return b"\2" + request_id.encode()


def unpack_request(packed: bytes) -> str:
    """The inverse of :func:`pack_request`."""
    return uuid_text(packed[1:]) if packed[:1] == b"\1" else packed[1:].decode()


def uuid_text(raw: bytes) -> str:
    """Of 16 bytes, as ``str(UUID(…))`` writes it, in a third of the time."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def mark(data: bytes, start: int = 0) -> int:
    """32 bits that nominate rows for a closer look, as a signed integer."""
    return crc32(data, start) - 2**31


def value_mark(attribute: str, value: str) -> int:
    """Of an attribute's name and its value. A clash costs one row read in vain, never a wrong answer."""
    return mark(value.encode(), crc32(attribute.encode()))


def key_of(text: str) -> tuple[str, str | None]:
    """A text as a key of bounded length, and the text again where the key is only its hash."""
    short = len(text) * 4 <= _KEY_BYTES or len(text.encode()) <= _KEY_BYTES
    if short and not text.startswith("\0"):
        return text, None
    return _HASHED + sha256(text.encode()).hexdigest(), text


def pack_ip(text: str) -> bytes | None:
    """The address in 4 or 16 bytes, so that two spellings of one IPv6 address meet; None where it is no address."""
    try:
        return ip_address(text).packed
    except ValueError:
        return None


_TYPE_NO = {name: place for place, name in enumerate(VALUE_TYPES)}


def pack_types(previous: ValueType, current: ValueType) -> int:
    """Two places in ``VALUE_TYPES`` in one byte."""
    return _TYPE_NO[previous] << 4 | _TYPE_NO[current]


def unpack_types(types: int) -> tuple[ValueType, ValueType]:
    """The inverse of :func:`pack_types`."""
    return VALUE_TYPES[types >> 4], VALUE_TYPES[types & 15]


def pack_flags(*, lossy: bool, one_sided: bool) -> int:
    """One bit each."""
    return lossy | one_sided << 1


def unpack_flags(flags: int) -> list[str]:
    """The inverse of :func:`pack_flags`."""
    return [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]
