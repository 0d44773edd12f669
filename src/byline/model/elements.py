"""Lists whose elements have identities: all are objects with a unique scalar ``id``, or all with such an ``_id``
(DESIGN §4)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from msgspec import Struct

from byline.model import paths
from byline.model.event import Data, Json
from byline.model.number import Number, canonical, integer_text

_SMALL: Final = 1 << 59
"""Below this a hash of an ``int`` is the ``int``; above, whoever chooses the numbers can make all hashes collide."""
_SMALL_DIGITS: Final = 17


class Elements(Struct, frozen=True):
    """The elements of one list, in order, by a key that is equal for equal identities only."""

    name: paths.IdentityName
    by_identity: dict[Hashable, Data]

    def order(self) -> list[Json]:
        """The identities, as they came."""
        return [item[self.name] for item in self.by_identity.values()]

    def none(self) -> Elements:
        """The same list, empty."""
        return Elements(self.name, {})


def elements_of_both(old: list[Json], new: list[Json]) -> tuple[Elements, Elements] | None:
    """Both lists by the identity that both have; ``None`` where each list is one value. An empty list has any
    identity."""
    for name in paths.IDENTITY_NAMES:
        before = _by_identity(old, name)
        after = _by_identity(new, name) if before is not None else None
        if before is not None and after is not None:
            return Elements(name, before), Elements(name, after)
    return None


def elements_of(value: Json) -> Elements | None:
    """A list by its identity, beside something that is no list. ``None`` where it is one value, as an empty list is."""
    if type(value) is not list or not value:
        return None
    both = elements_of_both(value, [])
    return both[0] if both else None


def _by_identity(items: list[Json], name: str) -> dict[Hashable, Data] | None:
    found: dict[Hashable, Data] = {}
    for item in items:
        if type(item) is not dict:
            return None
        identity = item.get(name)
        if type(identity) is not str:
            identity = _key(identity)
            if identity is None:
                return None
        found[identity] = item
    return found if len(found) == len(items) else None


def _key(identity: Json) -> Hashable:
    """Something hashable for a number or a bool; ``None`` for what is no identity. A tuple never meets a string or an
    ``int``."""
    kind = type(identity)
    if kind is bool:
        return (identity,)
    if kind is int:
        return identity if -_SMALL < identity < _SMALL else (canonical(integer_text(identity)),)
    if kind is Number:
        text = canonical(identity.text)
        return int(text) if len(text) <= _SMALL_DIGITS and text.lstrip("-").isdecimal() else (text,)
    return None
