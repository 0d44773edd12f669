"""From any Python value to what JSON can carry. Never raises, edits nothing, and the same value always gives the same.

===========================  ===========================================================================
``str int bool None``        themselves; an integer of any length
``float``                    a number; ``NaN``, ``Infinity``, ``-Infinity`` as that text
``Decimal``                  a number with exactly its digits (``119.00``): the history compares numbers as such, so
                             ``119`` set by hand and ``119.00`` from the database are no change. Not finite: text
``datetime``                 RFC 3339, with its offset, or without one where it has none
``date time timedelta``      ISO 8601
``UUID``, paths, addresses   text
``bytes`` and its like       text, marked: ``base64:AAEC``. One value stays one attribute
``enum``                     its value
``dict``, any ``Mapping``    an object; names that are no text become text, and two that meet are told apart by `` (2)``
``list tuple deque``         a list
sets                         a list, sorted by the elements' canonical JSON
named tuple, dataclass,      an object of the fields
msgspec, attrs, pydantic
what has ``tolist()``        that list or number (numpy, array)
a row of an ORM              its class and key: to read more of it could cost SQL
anything else                its ``str()`` without memory addresses
===========================  ===========================================================================

Cut: what stands inside itself, deeper than 100 levels, or behind the 250,000th value. Repaired: lone surrogates (become
U+FFFD), names that met, a state that was no object. Both are remembered by name in :class:`Marks`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Set
from datetime import date, timedelta
from enum import Enum
from types import NoneType
from typing import Any, Final
from uuid import UUID

import msgspec

from byline.capture.fields import fields_of, row_key
from byline.capture.leaves import BASES, CONVERT
from byline.capture.marks import MAX_MARKS, Marks
from byline.model.event import Data, Json
from byline.model.paths import member

MAX_DEPTH: Final = 100
MAX_VALUES: Final = 250_000

_SURROGATE = re.compile("[\ud800-\udfff]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_TEXT: Final = frozenset({str})
_SURE: Final = frozenset({bool, NoneType, date, timedelta, UUID})
USUAL: Final = _SURE | {str, int}
"""Exactly of these types: the encoder writes them as the table says. It refuses some texts and integers; then
everything is looked at again, with care."""

_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number")


def plain(value: Any, *, name: str = "", marks: Marks | None = None) -> Json:
    """The value as JSON can carry it: text, numbers, ``None``, booleans, lists and dictionaries, and the dates, times
    and ids that msgspec writes as text. ``name`` is what the marks call it."""
    return Walk(marks if marks is not None else Marks(), careful=True).value(value, name)


class Walk:
    """One look at the values of one event. ``careful``: also for what the encoder would refuse inside of texts and
    integers, which takes longer and is seldom needed."""

    __slots__ = ("_careful", "_inside", "_left", "_path", "_usual", "marks")

    def __init__(self, marks: Marks, *, careful: bool = False) -> None:
        self.marks = marks
        self._careful = careful
        self._usual = _SURE if careful else USUAL
        self._inside: list[int] = []
        self._path: list[str | int] = []
        self._left = MAX_VALUES

    def state(self, data: Any, name: str) -> Data | None:
        """An entity's state, or any other open object: always an object, or nothing."""
        if data is None:
            return None
        state = self.value(data, name)
        if type(state) is dict:
            return state
        self.marks.repaired.append(name)
        return {"value": state}

    def value(self, value: Any, name: str) -> Json:
        """Any value."""
        return self._member(name, value)

    def _value(self, value: Any) -> Json:
        kind = type(value)
        if kind in self._usual:
            return value
        if kind is str:
            return self._text(value)
        if kind is dict:
            return self._object(value)
        if kind is list or kind is tuple:
            return self._list(value)
        convert = CONVERT.get(kind)
        return convert(value) if convert is not None else self._other(value)

    # --- containers ---

    def _object(self, mapping: Mapping[Any, Any]) -> Json:
        usual = self._usual
        as_they_are = not self._careful and _TEXT.issuperset(map(type, mapping))
        self._left -= len(mapping)
        if as_they_are and self._left >= 0 and usual.issuperset(map(type, mapping.values())):
            return mapping
        reason = self._enter(mapping)
        if reason:
            return self._cut(reason)
        names = None if as_they_are else self._names(mapping)
        result = {}
        for key, value in mapping.items():
            name = key if names is None else names[key]
            kind = type(value)
            if kind in usual:
                result[name] = value
            elif kind in CONVERT:
                result[name] = CONVERT[kind](value)
            else:
                result[name] = self._member(name, value)
        self._inside.pop()
        return result

    def _list(self, values: Iterable[Any]) -> Json:
        members = list(values)
        self._left -= len(members)
        if self._left >= 0 and self._usual.issuperset(map(type, members)):
            return members
        reason = self._enter(values)
        if reason:
            return self._cut(reason)
        usual = self._usual
        result = [value if type(value) in usual else self._member(place, value) for place, value in enumerate(members)]
        self._inside.pop()
        return result

    def _member(self, name: str | int, value: Any) -> Json:
        self._path.append(name)
        inside, path = len(self._inside), len(self._path)
        try:
            plain = self._value(value)
        except Exception as error:  # noqa: BLE001 - the value is the service's own, and may raise whatever it likes
            self._back_to(inside, path)
            plain = self._cut(f"cannot be read: {type(error).__name__}")
        self._path.pop()
        return plain

    def _back_to(self, inside: int, path: int) -> None:
        del self._inside[inside:], self._path[path:]

    def _enter(self, container: Any) -> str | None:
        """Why not to look into it, if there is a reason."""
        if id(container) in self._inside:
            return "stands inside itself"
        if len(self._inside) >= MAX_DEPTH:
            return "too deep"
        if self._left < 0:
            return "too many values"
        self._inside.append(id(container))
        return None

    def _names(self, mapping: Mapping[Any, Any]) -> dict[Any, str]:
        """A text for each key, none of which meets another; the same whatever the order of keys."""
        own = [key for key in mapping if type(key) is str and (not self._careful or _SURROGATE.search(key) is None)]
        names: dict[Any, str] = {key: key for key in own}
        taken = set(own)
        others = ((self._name(key), type(key).__qualname__, key) for key in mapping if key not in names)
        for text, _, key in sorted(others, key=lambda other: other[:2]):
            name = text
            number = 1
            while name in taken:
                number += 1
                name = f"{text} ({number})"
            if number > 1:
                self._mark(self.marks.repaired, name)
            taken.add(name)
            names[key] = name
        return names

    def _name(self, key: Any) -> str:
        if type(key) is str:
            return self._text(key)
        plain = self._value(key)
        return plain if type(plain) is str else _canonical(plain).decode("utf-8", "replace")

    # --- leaves ---

    def _text(self, text: str) -> str:
        if not self._careful or text.isascii() or _SURROGATE.search(text) is None:
            return text
        self._mark(self.marks.repaired)
        return _SURROGATE.sub("\ufffd", text)

    def _other(self, value: Any) -> Json:
        """A subclass of something known, or something that is not known. Only here code of the service's own is
        called."""
        inside, path = len(self._inside), len(self._path)
        try:
            if isinstance(value, Enum):
                return self._value(value.value)
            for base, convert in BASES:
                if isinstance(value, base):
                    return self._value(convert(value))
            return self._parts(value)
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - as above; a value that cannot even be shown still has a type
            self._back_to(inside, path)
            return f"<{type(value).__module__}.{type(value).__qualname__}>"

    def _parts(self, value: Any) -> Json:
        key = row_key(value)
        if key is not None:
            return self._text(f"<{type(value).__qualname__} {_canonical(self._value(key)).decode()}>")
        fields = fields_of(value)
        if fields is not None or isinstance(value, Mapping):
            return self._guarded(value, dict(value) if fields is None else fields)
        if isinstance(value, list | tuple | deque):
            return self._list(value)
        if isinstance(value, Set):
            elements = self._list(list(value))
            return sorted(elements, key=_canonical) if type(elements) is list else elements
        if callable(getattr(type(value), "tolist", None)):
            return self._value(value.tolist())
        return self._text(_ADDRESS.sub("", str(value)))

    def _guarded(self, value: Any, members: dict[Any, Any]) -> Json:
        """An object whose members were taken out of ``value``, which may stand inside itself."""
        if id(value) in self._inside:
            return self._cut("stands inside itself")
        self._inside.append(id(value))
        plain = self._object(members)
        self._inside.pop()
        return plain

    def _cut(self, reason: str) -> str:
        self._mark(self.marks.cut)
        return f"(cut: {reason})"

    def _mark(self, names: list[str], *more: str) -> None:
        if len(names) < MAX_MARKS:
            name = ""
            for step in (*self._path, *more):
                name = f"{name}[{step}]" if isinstance(step, int) else member(name, step)
            names.append(name)


def _canonical(value: Json) -> bytes:
    try:
        return _sorted.encode(value)
    except (ValueError, TypeError):  # a lone surrogate, an endless integer: any order will do that stays the same
        return ascii(value).encode()
