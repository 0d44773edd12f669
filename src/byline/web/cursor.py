"""Cursors: where a page ended, sealed so that only the question it belongs to can use it.

A cursor is ``base64url(seal ‖ veiled)``: the seal is HMAC-SHA256[:16] of the position, the route, every filter, the
order and the account the reader is confined to (never the page size, which may change between pages). The position is
veiled with a stream from key and seal (as in RFC 5297, where the seal of the content is its nonce): a page that ends
while it passes over other accounts' events names one of them there. Pure: no clock, no environment."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256, shake_256

import msgspec

from byline.errors import InvalidCursor
from byline.model.query import Position, Query

SEAL_SIZE = 16
_WRONG = "it is damaged, or belongs to another question"

_positions = msgspec.msgpack.Decoder(Position)


class Cursors:
    """Seals and opens cursors with one secret key. Share the key between processes that answer the same readers."""

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("the cursor key is empty")
        self._key = key

    def seal(self, position: Position | None, *, route: str, query: Query) -> str | None:
        """The cursor for what comes after ``position``; ``None`` where nothing does."""
        if position is None:
            return None
        place = msgspec.msgpack.encode(position)
        sealed = self._sign(place, route, query)
        return urlsafe_b64encode(sealed + self._veil(sealed, place)).rstrip(b"=").decode("ascii")

    def open(self, cursor: str, *, route: str, query: Query) -> Position:
        """Raises :class:`~byline.errors.InvalidCursor` unless :meth:`seal` made it with this key for this very
        question."""
        data = _from_base64(cursor)
        sealed = data[:SEAL_SIZE]
        place = self._veil(sealed, data[SEAL_SIZE:])
        if not hmac.compare_digest(sealed, self._sign(place, route, query)):
            raise InvalidCursor(_WRONG)
        return _positions.decode(place)

    def _veil(self, sealed: bytes, text: bytes) -> bytes:
        """Puts the veil on, or takes it off."""
        stream = shake_256(msgspec.msgpack.encode((self._key, sealed))).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))

    def _sign(self, place: bytes, route: str, query: Query) -> bytes:
        question = msgspec.structs.replace(query, after=None, limit=0)
        # Arrays of byte strings carry their lengths, so no two (route, question, place) run together into the same
        # bytes.
        signed = msgspec.msgpack.encode((route, msgspec.json.encode(question), place))
        return hmac.digest(self._key, signed, sha256)[:SEAL_SIZE]


def _from_base64(cursor: str) -> bytes:
    try:
        text = cursor.encode("ascii")
        data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError as error:
        raise InvalidCursor(_WRONG) from error
    # The decoder skips foreign characters and ignores spare bits; a cursor has exactly one spelling.
    if urlsafe_b64encode(data).rstrip(b"=") != text:
        raise InvalidCursor(_WRONG)
    return data
