"""Masking at the source: what is secret never leaves the service. Pure; what it is given is never edited.

A value is dropped with its name, masked, or hashed with a key. A masked value is replaced wholly, whatever it is:
neither its length nor a hash of it remains. That it changed does remain: then the value before reads ``***
(previous)``, and the one after ``***``, as everywhere else. ``null`` stays: that there is no secret is none.

Looked at are names, at every depth of objects and lists. Text is not looked into: a password inside a URL, or inside
JSON that a column keeps as text, is masked only by the name of its column.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

import msgspec

from byline.capture.masking_rules import DROP, HASH, KEEP, Names, Rules, TableRules, fold
from byline.capture.secret_names import DEFAULT_SECRET_NAMES
from byline.errors import UsageError
from byline.model.elements import elements_of_both
from byline.model.jsontext import encode_number, parse
from byline.model.values import ABSENT, same

__all__ = ["DEFAULT_SECRET_NAMES", "HASHED", "MASKED", "MASKED_PREVIOUS", "Masking"]

MASKED: Final = "***"
MASKED_PREVIOUS: Final = "*** (previous)"
HASHED: Final = "hmac:"
"""Before the first 128 bits of the HMAC-SHA256 of the value's JSON text, in hexadecimal digits."""

_HEX_DIGITS: Final = 32
_LEAST_KEY: Final = 16
_MAX_DEPTH: Final = 200
"""Levels, as on the wire (DESIGN §3). What is deeper is masked unseen."""

_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number", enc_hook=encode_number)

Side = Mapping[Any, Any]


@dataclass(frozen=True)
class Masking:
    """What becomes of which attributes. Of several rules for one attribute the strictest wins: drop, mask, hash.

    ``drop``, ``mask`` and ``hash`` name attributes of every table (``["iban"]``), or by table (``{"users": ["ssn"],
    "*": ["iban"]}``), in any letter case. A name holds at every depth; a dotted one (``card.number``) from the
    entity's own level down, through lists. ``names`` are masked wherever they are whole words of a name, as
    :class:`~byline.capture.secret_names.SecretNames` tells, unless ``hash`` names the attribute, or ``keep``
    (``max_tokens``).

    ``hash`` needs a ``key`` of 16 bytes or more. Whoever has it can find a value by guessing, so keep it as you keep
    passwords. Raises :class:`~byline.errors.UsageError`.
    """

    drop: Names = ()
    mask: Names = ()
    hash: Names = ()
    key: bytes | str | None = field(default=None, repr=False)
    names: Iterable[str] = DEFAULT_SECRET_NAMES
    keep: Names = ()
    _rules: Rules = field(init=False, repr=False, compare=False)
    _key: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = self.key.encode() if isinstance(self.key, str) else self.key or b""
        if self.hash and len(key) < _LEAST_KEY:
            raise UsageError(
                "hashing needs a key of 16 bytes or more", hint="Give Masking a key=, or use mask= instead."
            )
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_rules", Rules(self.drop, self.mask, self.hash, self.keep, self.names))

    def apply(self, table_id: str, old: Side | None, new: Side | None) -> tuple[Side | None, Side | None]:
        """Both states as they may leave the service. One in which nothing is masked comes back itself, not a copy."""
        before, after = _Pass(self._rules.of(table_id), self._key).objects(old or _NOTHING, new or _NOTHING, "", 1)
        return (before if old else old), (after if new else new)

    def lets_be(self, table_id: str, names: tuple[Any, ...]) -> bool:
        """Whether :meth:`apply` changes nothing in an object of these names, as long as its values hold no others."""
        return not self._rules.of(table_id).concerned(names)


_NOTHING: Final[Side] = {}


class _Containers(dict[type, bool]):
    """Whether values of a type hold others; remembered, since asking an abstract class costs more than all the rest."""

    def __missing__(self, kind: type) -> bool:
        answer = self[kind] = issubclass(kind, (Mapping, list, tuple))
        return answer


_holds_others = _Containers()
_SCALARS: Final = frozenset((str, int, float, bool, NoneType, Decimal, datetime, date, time, timedelta, UUID, bytes))


def _containers(side: Side) -> tuple[Any, ...]:
    """The names under which an object holds objects or lists."""
    if _SCALARS.issuperset(map(type, side.values())):
        return ()
    return tuple(name for name, value in side.items() if _holds_others[type(value)])


class _Pass:
    """One pair of states on its way."""

    __slots__ = ("_key", "_rules")

    def __init__(self, rules: TableRules, key: bytes) -> None:
        self._rules = rules
        self._key = key

    def objects(self, old: Side, new: Side, path: str, depth: int) -> tuple[Side, Side]:
        """Two objects at ``path``. In the common case there is nothing to do, and that is found out in C."""
        concerned = self._rules.concerned
        touched = dict.fromkeys(concerned(tuple(old)) + concerned(tuple(new)) + _containers(old) + _containers(new))
        if not touched:
            return old, new
        before, after = dict(old), dict(new)
        for name in touched:
            self._member(before, after, name, f"{path}.{fold(name)}" if path else fold(name), depth)
        return (before if _differs(before, old) else old), (after if _differs(after, new) else new)

    def _member(self, before: dict[Any, Any], after: dict[Any, Any], name: Any, path: str, depth: int) -> None:
        action = self._rules.action(name, path)
        if action == DROP:
            before.pop(name, None)
            after.pop(name, None)
            return
        treat = self._values if action == KEEP else self._hashed if action == HASH else _masked
        old, new = treat(before.get(name, ABSENT), after.get(name, ABSENT), path, depth)
        if name in before:
            before[name] = old
        if name in after:
            after[name] = new

    def _values(self, old: Any, new: Any, path: str, depth: int) -> tuple[Any, Any]:
        """Two values that are not secret themselves; what they hold may be."""
        if depth >= _MAX_DEPTH and (_holds_others[type(old)] or _holds_others[type(new)]):
            return _masked(old, new, path, depth)
        old_side, new_side = isinstance(old, Mapping), isinstance(new, Mapping)
        if old_side or new_side:
            before, after = self.objects(old if old_side else _NOTHING, new if new_side else _NOTHING, path, depth + 1)
            old, new = (before if old_side else old), (after if new_side else new)
        old_list, new_list = isinstance(old, (list, tuple)), isinstance(new, (list, tuple))
        if old_list or new_list:
            before_items, after_items = self._lists(old if old_list else (), new if new_list else (), path, depth + 1)
            old, new = (before_items if old_list else old), (after_items if new_list else new)
        return old, new

    def _lists(self, old: Sequence[Any], new: Sequence[Any], path: str, depth: int) -> tuple[Any, Any]:
        """Two lists. An element is compared with its counterpart: the one of its identity, else the one in its
        place."""
        before, after = list(old), list(new)
        for i, j in _counterparts(old, new):
            was = before[i] if i is not None else ABSENT
            now = after[j] if j is not None else ABSENT
            if _holds_others[type(was)] or _holds_others[type(now)]:
                was, now = self._values(was, now, path, depth)
                if i is not None:
                    before[i] = was
                if j is not None:
                    after[j] = now
        return (before if _differs_in_place(before, old) else old), (after if _differs_in_place(after, new) else new)

    def _hashed(self, old: Any, new: Any, path: str, depth: int) -> tuple[Any, Any]:
        before = self._digest(old)
        after = before if _is_there(old) and _are_same(old, new) else self._digest(new)
        if MASKED in (before, after):
            return _masked(old, new, path, depth)
        return before, after

    def _digest(self, value: Any) -> Any:
        if not _is_there(value):
            return value
        try:
            text = _encoder.encode(value)
        except Exception:  # noqa: BLE001 - what has no JSON text cannot be compared, and must not be shown
            return MASKED
        return HASHED + hmac.digest(self._key, text, "sha256").hex()[:_HEX_DIGITS]


def _masked(old: Any, new: Any, path: str, depth: int) -> tuple[Any, Any]:  # noqa: ARG001 - one signature for all treatments
    if not _is_there(old) or not _is_there(new):
        return (MASKED if _is_there(old) else old), (MASKED if _is_there(new) else new)
    return (MASKED if _are_same(old, new) else MASKED_PREVIOUS), MASKED


def _is_there(value: Any) -> bool:
    return value is not None and value is not ABSENT


def _are_same(old: Any, new: Any) -> bool:
    """Equal as the diff would see them. What cannot be compared counts as changed: an event too much, never one too
    few."""
    if old is new:
        return True
    try:
        return same(parse(_encoder.encode(old)), parse(_encoder.encode(new)))
    except Exception:  # noqa: BLE001 - a type that has no JSON text, or raises when it is read
        return False


def _counterparts(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    both = elements_of_both(old, new) if type(old) is list and type(new) is list else None
    if both is None:
        shorter, longer = sorted((len(old), len(new)))
        rest: list[tuple[int | None, int | None]] = [
            (i, None) if len(old) == longer else (None, i) for i in range(shorter, longer)
        ]
        return [*((i, i) for i in range(shorter)), *rest]
    before, after = both
    places = {identity: place for place, identity in enumerate(after.by_identity)}
    pairs = [(place, places.pop(identity, None)) for place, identity in enumerate(before.by_identity)]
    return [*pairs, *((None, place) for place in places.values())]


def _differs(copy: Side, original: Side) -> bool:
    return len(copy) != len(original) or any(copy[name] is not value for name, value in original.items())


def _differs_in_place(copy: Sequence[Any], original: Sequence[Any]) -> bool:
    return any(mine is not theirs for mine, theirs in zip(copy, original, strict=True))
