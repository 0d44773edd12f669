"""From one state of an entity to another as a JSON Patch (RFC 6902), in small steps.

What is replaced or removed is tested first, so that the patch fails as a whole where the entity is not what it was
recorded to be; except what is masked or encrypted, which is not recorded as it is. Elements of lists are found by their
identity (DESIGN §4), and what a step does not mean it does not touch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from byline.model.elements import Elements, elements_of_both
from byline.model.event import Data, Json
from byline.model.masks import is_veiled
from byline.model.undo import PatchOperation
from byline.model.values import is_encrypted, same


def patch(now: Data | None, wanted: Data | None) -> list[PatchOperation]:
    """The operations that make ``wanted`` of ``now``; an entity that is not there is ``null``."""
    if now is None or wanted is None:
        if now is None and wanted is None:
            return []
        if now is None:
            return [*_tested("", None), PatchOperation(op="replace", path="", value=wanted)]
        return [*_tested("", now), PatchOperation(op="replace", path="", value=None)]
    return list(_objects(now, wanted, ""))


def _tested(path: str, value: Json) -> list[PatchOperation]:
    return [] if is_veiled(value) else [PatchOperation(op="test", path=path, value=value)]


def _objects(now: Data, wanted: Data, path: str) -> Iterator[PatchOperation]:
    for name, value in now.items():
        at = f"{path}/{_escaped(name)}"
        if name not in wanted:
            yield from _tested(at, value)
            yield PatchOperation(op="remove", path=at)
        else:
            yield from _values(value, wanted[name], at)
    for name, value in wanted.items():
        if name not in now:
            yield PatchOperation(op="add", path=f"{path}/{_escaped(name)}", value=value)


def _values(now: Json, wanted: Json, path: str) -> Iterator[PatchOperation]:
    if same(now, wanted):
        return
    if type(now) is dict and type(wanted) is dict and not (is_encrypted(now) or is_encrypted(wanted)):
        yield from _objects(now, wanted, path)
        return
    both = elements_of_both(now, wanted) if type(now) is list and type(wanted) is list else None
    if both is not None and both[0].by_identity and both[1].by_identity:
        yield from _elements(*both, path)
        return
    yield from _tested(path, now)
    yield PatchOperation(op="replace", path=path, value=wanted)


def _elements(now: Elements, wanted: Elements, path: str) -> Iterator[PatchOperation]:
    """Elements that go, from the end; then each place gets the element it is to have; then what is inside of them."""
    places = list(now.by_identity)
    for place in reversed(range(len(places))):
        if places[place] not in wanted.by_identity:
            yield from _met(now, places[place], f"{path}/{place}", whole=True)
            yield PatchOperation(op="remove", path=f"{path}/{place}")
            del places[place]
    for place, (identity, item) in enumerate(wanted.by_identity.items()):
        at = f"{path}/{place}"
        if identity not in now.by_identity:
            yield PatchOperation(op="add", path=at, value=item)
            places.insert(place, identity)
        elif places[place] != identity:
            found = places.index(identity, place)
            yield from _met(now, identity, f"{path}/{found}")
            yield PatchOperation(op="move", from_=f"{path}/{found}", path=at)
            places.insert(place, places.pop(found))
    for place, (identity, item) in enumerate(wanted.by_identity.items()):
        inside = (
            list(_objects(now.by_identity[identity], item, f"{path}/{place}")) if identity in now.by_identity else []
        )
        if inside:
            yield from _met(now, identity, f"{path}/{place}")
            yield from inside


def _met(elements: Elements, identity: Any, path: str, *, whole: bool = False) -> Iterator[PatchOperation]:
    """That the element at this place is the one that is meant."""
    item = elements.by_identity[identity]
    if whole and not is_veiled(item):
        yield PatchOperation(op="test", path=path, value=item)
    else:
        yield PatchOperation(op="test", path=f"{path}/{_escaped(elements.name)}", value=item[elements.name])


def _escaped(name: str) -> str:
    """A reference token of a JSON Pointer (RFC 6901 §3)."""
    return name.replace("~", "~0").replace("/", "~1")
