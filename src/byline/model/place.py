"""Where a walk through a state is: an attribute's name that is spelled only when something there differs."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from byline.model import paths
from byline.model.event import Json


class Place(Struct, gc=False):
    """A step from ``parent``: to the attribute ``step`` of an object, or, with ``identified_by``, to the element of a
    list whose ``id`` or ``_id`` is ``step``. The root has no parent."""

    parent: Place | None
    step: Json
    identified_by: paths.IdentityName | None = None
    spelled: str | None = None

    def text(self) -> str:
        """The attribute's name. Spelled once for each place, without recursion."""
        if self.spelled is not None:
            return self.spelled
        unspelled: list[Place] = []
        place = self
        while place.spelled is None and place.parent is not None:
            unspelled.append(place)
            place = place.parent
        text = place.spelled or ""
        for place in reversed(unspelled):
            text = place.spelled = _spelled(place, text)
        return text


def _spelled(place: Place, path: str) -> str:
    if place.identified_by is None:
        return paths.member(path, place.step)
    return paths.element(path, place.identified_by, paths.identity_text(place.step))


ROOT: Final = Place(None, "", spelled="")
