"""What had to be cut or repaired in an event, so that the event itself can say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from byline.model.event import Data

MAX_MARKS: Final = 20
"""Names remembered of each kind."""


class Marks:
    """What was cut and what was repaired, by name: ``new_data.address.city``, ``old_data.lines[3]``."""

    __slots__ = ("cut", "repaired")

    def __init__(self, repaired: Iterable[str] = (), cut: Iterable[str] = ()) -> None:
        self.cut = list(cut)
        self.repaired = list(repaired)

    def __bool__(self) -> bool:
        return bool(self.cut or self.repaired)

    def as_data(self) -> Data:
        """Only what there is, and not too much of it."""
        kinds = {"cut": self.cut, "repaired": self.repaired}
        return {kind: sorted(set(names))[:MAX_MARKS] for kind, names in kinds.items() if names}
