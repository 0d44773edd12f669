"""A short digest of an entity's state: equal for states that are equal under DESIGN §4.

It nominates entities for a closer look; 8 bytes prove nothing.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Raw

from byline.model.event import Data, Json
from byline.model.number import Number, canonical, integer_text
from byline.model.values import ENVELOPE, envelope_digest

DIGEST_SIZE: Final = 8

_MARK: Final = b'{"%s":' % ENVELOPE.encode()
_LONG: Final = b"0" * 22
"""An ``int`` that ends in so many zeros has another canonical text than the encoder's."""


def digest(data: Data | None) -> bytes | None:
    """8 bytes of BLAKE2b over the state as canonical JSON: keys sorted, numbers in normal form, an envelope reduced
    to its digest.

    ``None`` for no state. The root is a state, never an envelope.
    """
    if data is None:
        return None
    text = _encoder.encode(data)
    if _MARK in text or _LONG in text:
        text = _encoder.encode({name: _reduced(member) for name, member in data.items()})
    return blake2b(text, digest_size=DIGEST_SIZE).digest()


def _number(value: Any) -> Raw:
    if type(value) is Number:
        return Raw(canonical(value.text).encode())
    raise TypeError(f"not a JSON value: {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_number, order="sorted")


def _reduced(value: Json) -> Json:
    kind = type(value)
    if kind is dict:
        known = envelope_digest(value)
        if known is not None:
            return {ENVELOPE: {"digest": known}}
        return {name: _reduced(member) for name, member in value.items()}
    if kind is list:
        return [_reduced(member) for member in value]
    if kind is int:
        return Number(integer_text(value))
    return value
