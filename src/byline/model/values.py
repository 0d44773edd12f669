"""Values as the history keeps them, text plus a type, and what makes two of them equal (DESIGN §4).

An encrypted value is the envelope ``{"$enc": {"digest": "<text>", …}}``: an object with exactly that key. It is one
leaf. Where two envelopes both carry a non-empty ``digest`` (keyed, so it tells nothing about the clear text), they
are equal if the digests are; otherwise they are compared whole.
"""

from __future__ import annotations

from types import NoneType
from typing import Final

from byline.model import codec_tolerant
from byline.model.change import ValueType
from byline.model.event import Json
from byline.model.jsontext import json_text, parse
from byline.model.number import Number, integer_text

ENVELOPE: Final = "$enc"

ABSENT: Final = object()
"""Stands for a value that is not there; ``None`` is JSON's null."""


_TYPES: Final[dict[type, ValueType]] = {NoneType: "null", bool: "boolean", Number: "number", list: "array"}


def value(json_value: Json) -> tuple[str | None, ValueType]:
    """Text and type of a value: a string as itself, absent as ``None``, anything else as JSON text with sorted keys."""
    kind = type(json_value)
    if kind is str:
        return json_value, "string"
    if kind is int:
        return integer_text(json_value), "number"
    if json_value is ABSENT:
        return None, "absent"
    if kind is dict:
        return json_text(json_value), "encrypted" if is_encrypted(json_value) else "object"
    return json_text(json_value), _TYPES.get(kind, "number")


def from_text(text: str | None, kind: ValueType) -> Json:
    """The value behind text and type: the inverse of :func:`value`. Raises ``ValueError`` where the text is not of
    that type."""
    if kind == "string":
        return text
    if kind == "absent":
        return ABSENT
    data = (text or "").encode()
    try:
        return parse(data)
    except ValueError:
        return codec_tolerant.parse(data)[0]


def is_encrypted(json_value: Json) -> bool:
    """Whether a value is an envelope: an object with exactly the key ``$enc``."""
    return type(json_value) is dict and len(json_value) == 1 and ENVELOPE in json_value


def envelope_digest(json_value: Json) -> str | None:
    """The digest by which an encrypted value is compared; ``None`` where there is none."""
    if not is_encrypted(json_value):
        return None
    inside = json_value[ENVELOPE]
    digest = inside.get("digest") if type(inside) is dict else None
    return digest if type(digest) is str and digest else None


def same(a: Json, b: Json) -> bool:
    """Equality of values: types count, numbers are equal in normal form, key order does not count, envelopes by
    digest."""
    kind = type(a)
    if kind is dict:
        return type(b) is dict and _same_objects(a, b)
    if kind is list:
        return type(b) is list and _same_lists(a, b)
    return same_scalars(a, b)


def same_scalars(a: Json, b: Json) -> bool:
    """:func:`same`, where ``a`` is neither object nor list. Python's own ``==`` takes ``True`` for ``1``."""
    kind, other = type(a), type(b)
    if kind is other or kind is Number or other is Number:
        return bool(a == b)
    return False


def _same_objects(a: dict[str, Json], b: dict[str, Json]) -> bool:
    if len(a) != len(b):
        return False
    if ENVELOPE in a:
        digest, other = envelope_digest(a), envelope_digest(b)
        if digest is not None and other is not None:
            return digest == other
    for name, member in a.items():  # noqa: SIM110 - a generator would cost a frame a level
        if name not in b or not same(member, b[name]):
            return False
    return True


def _same_lists(a: list[Json], b: list[Json]) -> bool:
    if len(a) != len(b):
        return False
    for member, other in zip(a, b, strict=True):  # noqa: SIM110 - the same
        if not same(member, other):
            return False
    return True
