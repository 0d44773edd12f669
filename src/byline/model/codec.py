"""The wire format: bytes → :class:`~byline.model.event.AuditEvent` and back (DESIGN §3).

There is one reading of fields (:mod:`byline.model.envelope`) behind two parsers: a fast one, and a tolerant one for
what it refuses (:mod:`byline.model.codec_tolerant`). Where the fast one succeeds there was nothing to repair, and the
other gives the same.
"""

from __future__ import annotations

from itertools import accumulate
from json import JSONDecodeError
from typing import Final

import msgspec
from msgspec.structs import replace

from byline.errors import Rejected
from byline.model import codec_tolerant, envelope
from byline.model.event import AuditEvent, Json
from byline.model.jsontext import encode_number, parse

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024
"""Of one event, inflated."""
MAX_DEPTH: Final = 200
"""Objects and lists inside each other; the event itself is level 1."""

_BOM: Final = b"\xef\xbb\xbf"
_encoder = msgspec.json.Encoder(enc_hook=encode_number)


def decode(data: bytes, *, key: str, line: int) -> AuditEvent:
    """The event in one document: one ``.json`` object or one line of an ``.ndjson`` object.

    ``key`` and ``line`` (counted from 1) tell where it rests: an event without an id is identified by them. Raises
    :class:`~byline.errors.Rejected` and nothing else, whatever the bytes.
    """
    if len(data) > MAX_EVENT_BYTES:
        raise Rejected("too_large", f"the event is longer than {MAX_EVENT_BYTES} bytes")
    if data[:1] == b"\xef":
        data = data.removeprefix(_BOM)
    if _is_too_deep(data):
        raise Rejected("too_deep", f"the event is nested deeper than {MAX_DEPTH} levels")
    document, lossy = _parsed(data)
    return envelope.read(document, key=key, line=line, lossy=lossy)


def encode(event: AuditEvent) -> bytes:
    """The event as one line of JSON, without a line end; number tokens exact, what is ``None`` left out.

    ``decode`` gives the same event back where its id is a UUIDv7, or stands for a ``sent_id``. What a decoder finds
    out by itself (``lossy``, ``one_sided``) is not written.
    """
    if event.sent_id is not None or event.lossy or event.one_sided:
        event = replace(event, event_id=event.sent_id or event.event_id, sent_id=None, lossy=False, one_sided=False)
    return _encoder.encode(event)


def _parsed(data: bytes) -> tuple[Json, bool]:
    try:
        return parse(data), False
    except (ValueError, RecursionError):
        pass
    try:
        return codec_tolerant.parse(data)
    except UnicodeDecodeError as error:
        raise Rejected("invalid_encoding", f"not UTF-8 at byte {error.start}") from None
    except JSONDecodeError as error:
        raise Rejected("invalid_json", f"{error.msg} at character {error.pos}") from None


def _is_too_deep(data: bytes) -> bool:
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    # An even number of quotes before a bracket means that it stands outside of strings, once escaped ones are gone.
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(unescaped.split(b'"')[::2])
    steps = memoryview(outside.translate(_STEPS, _NO_STEP)).cast("b")
    return any(map(MAX_DEPTH.__lt__, accumulate(steps)))


_STEPS: Final = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_NO_STEP: Final = bytes(set(range(256)) - set(b"{[}]"))
