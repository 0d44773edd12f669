"""The diff: one :class:`~byline.model.change.Change` for each attribute that differs (DESIGN §4). Pure, no
configuration.

The changes come in document order: old's, then what is new in new's order, so that :func:`apply` can append. Where the
design leaves room:

- The root is not an attribute: it never has a row for itself.
- A container that gains its first content has no row for itself, only what it gained; one that loses all it had and
  stays has (absent → ``{}`` or ``[]``). A container that takes the place of another kind of value goes and comes leaf
  by leaf; the value whose place it takes goes in a row of its own (``1`` → absent).
- What is not a list (absent, a string, an object) counts as an empty list beside a list with identities. Beside a
  list without them, both lists are one value each.
- An ``id`` of ``null`` is no identity; ids are unique if no two are equal as values (``1`` and ``1.0`` are, ``1`` and
  ``"1"`` are not).
- The root is never an envelope: a state ``{"$enc": …}`` has one attribute, ``$enc``.
- Where the names of all changes together would exceed :data:`MAX_NAMES` characters (a name of a megabyte above a
  hundred thousand leaves), the attributes of the root are compared as one value each.

Nesting costs two Python frames a level, and every step is linear in the size of the two states.
"""

from __future__ import annotations

from typing import Final

from byline.model import paths
from byline.model.apply import apply
from byline.model.change import Change
from byline.model.elements import Elements, elements_of, elements_of_both
from byline.model.event import Action, AuditEvent, Data, Json
from byline.model.place import ROOT, Place
from byline.model.values import ABSENT, is_encrypted, same, value

__all__ = ["apply", "diff", "diff_data"]

MAX_NAMES: Final = 64 * 1024 * 1024
"""Eight times the largest event: no honest one comes near, and a hostile one cannot fill the memory."""

_NOTHING: Final[Data] = {}


def diff(event: AuditEvent) -> list[Change]:
    """What the event changed, in document order."""
    return diff_data(event.old_data, event.new_data, action=event.action)


def diff_data(old: Data | None, new: Data | None, *, action: Action) -> list[Change]:
    """What differs between two states; ``None`` is a state that was not there.

    On ``create`` the old state counts as nothing and on ``delete`` the new one; there a null attribute gives no row.
    """
    before = old if old is not None and action != "create" else _NOTHING
    after = new if new is not None and action != "delete" else _NOTHING
    nulls = action == "update"
    comparison = _Comparison(nulls)
    try:
        comparison.objects(before, after, ROOT)
    except _NamesTooLong:
        comparison = _Comparison(nulls)
        comparison.whole_values(before, after)
    return comparison.changes


class _NamesTooLong(Exception):
    """The names of the changes exceed :data:`MAX_NAMES`."""


class _Comparison:
    """Walks two states side by side and collects what differs."""

    def __init__(self, nulls: bool) -> None:
        self.changes: list[Change] = []
        self._nulls = nulls
        self._room = MAX_NAMES

    def objects(self, old: Data, new: Data, place: Place) -> None:
        """Two objects at ``place``. The loop is written for the common case: flat, and most attributes unchanged."""
        still_there = len(old)
        for name, before in old.items():
            after = new.get(name, ABSENT)
            kind = type(before)
            if kind is type(after) and kind is not dict and kind is not list:
                if before != after:
                    self._row(paths.member(place.text(), name), before, after)
                continue
            if after is ABSENT:
                still_there -= 1
            self._values(before, after, Place(place, name))
        if still_there < len(new):
            for name, after in new.items():
                if name not in old:
                    self._values(ABSENT, after, Place(place, name))

    def whole_values(self, old: Data, new: Data) -> None:
        """The attributes of two objects, without looking inside."""
        for name in old | new:
            before, after = old.get(name, ABSENT), new.get(name, ABSENT)
            if not same(before, after):
                self._row(paths.member("", name), before, after)

    def _values(self, old: Json, new: Json, place: Place) -> None:
        if type(old) is dict and type(new) is dict and not (is_encrypted(old) or is_encrypted(new)):
            self.objects(old, new, place)
            self._emptied(old, new, place)
        elif type(old) is list and type(new) is list:
            self._lists(old, new, place)
        else:
            self._replaced(old, new, place)

    def _lists(self, old: list[Json], new: list[Json], place: Place) -> None:
        if both := elements_of_both(old, new):
            self._elements(*both, place)
            self._emptied(old, new, place)
        elif not same(old, new):
            self._row(place.text(), old, new)

    def _elements(self, old: Elements, new: Elements, place: Place) -> None:
        before, after = old.by_identity, new.by_identity
        for identity, item in before.items():
            self.objects(item, after.get(identity, _NOTHING), Place(place, item[old.name], old.name))
        for identity, item in after.items():
            if identity not in before:
                self.objects(_NOTHING, item, Place(place, item[new.name], new.name))
        kept = [identity for identity in before if identity in after]
        if kept != list(after)[: len(kept)]:
            self._row(paths.order(place.text()), old.order(), new.order())

    def _emptied(self, old: Json, new: Json, place: Place) -> None:
        if old and not new:
            self._row(place.text(), ABSENT, new)

    def _replaced(self, old: Json, new: Json, place: Place) -> None:
        """One kind of value in the place of another: a container goes or comes leaf by leaf, a leaf has a row."""
        going, coming = elements_of(old), elements_of(new)
        before = ABSENT if going or _has_members(old) else old
        after = ABSENT if coming or _has_members(new) else new
        if going:
            self._elements(going, going.none(), place)
        elif before is not old:
            self.objects(old, _NOTHING, place)
        if not same(before, after):
            self._row(place.text(), before, after)
        if coming:
            self._elements(coming.none(), coming, place)
        elif after is not new:
            self.objects(_NOTHING, new, place)

    def _row(self, attribute: str, old: Json, new: Json) -> None:
        if not self._nulls and (old is None or new is None):
            return
        self._room -= len(attribute)
        if self._room < 0:
            raise _NamesTooLong
        previous, previous_type = value(old)
        current, current_type = value(new)
        self.changes.append(Change(attribute, previous, current, previous_type, current_type))


def _has_members(value: Json) -> bool:
    return type(value) is dict and bool(value) and not is_encrypted(value)
