"""From a spool folder into the bucket: one pass over what is sealed, and what dead writers left.

Each segment: read, compress, PUT create-only, announce, remove. A crash between any two of these repeats the rest,
under the same key; so nothing is lost, and what comes twice is one object.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import NamedTuple

from byline.capture.carrier import Carrier
from byline.capture.complaints import Complaints
from byline.capture.disk import Disk, is_there
from byline.capture.folder import Found, adopt, held, whole_lines
from byline.capture.names import OPEN, SEALED, SegmentName
from byline.capture.tally import Tally, sentence
from byline.errors import BylineError


class Outcome(NamedTuple):
    """What a pass came to."""

    shipped: int = 0
    """Segments that are in the bucket, and out of the folder."""
    bytes: int = 0
    """Of them, as they lay in the folder."""
    error: Exception | None = None
    """What the bucket said, where it ended the pass."""
    unreadable: OSError | None = None
    """What the disk said of a segment that was passed over."""


class Shipping:
    """Not safe from several threads; any number of processes may ship one folder."""

    def __init__(self, folder: Path, disk: Disk, carrier: Carrier, *, tally: Tally, complaints: Complaints) -> None:
        self.folder = folder
        self.carrier = carrier
        self._disk = disk
        self._tally = tally
        self._complaints = complaints

    def ship(self, found: Found) -> Outcome:
        """Ship what can be shipped. A bucket that does not answer ends the pass; a segment that cannot be read is
        passed over. Raises nothing of ours and nothing of the system's."""
        shipped = size = 0
        unreadable: OSError | None = None
        for name in [*found.sealed, *found.open]:
            try:
                sealed = name if name.sealed else self._adopted(name)
                moved = self._moved(sealed) if sealed is not None else None
            except OSError as trouble:
                unreadable = trouble
                self._note(name, trouble)
            except BylineError as trouble:
                return Outcome(shipped, size, trouble, unreadable)
            else:
                shipped += moved is not None
                size += moved or 0
        self.carrier.announce()
        return Outcome(shipped, size, None, unreadable)

    def is_gone(self, stem: str) -> bool:
        """Whether a segment is out of the folder, under either of its names. Where the folder itself is away, or cannot
        be looked into, it is not."""
        if not os.path.isdir(self.folder):  # noqa: PTH112 - Path's raises where it cannot tell
            return False
        # In this order: it may be renamed between the two looks, but never back.
        return not any(is_there(self.folder / f"{stem}{ending}") for ending in (OPEN, SEALED))

    def _adopted(self, name: SegmentName) -> SegmentName | None:
        adopted = adopt(self._disk, self.folder, name)
        if adopted is None:
            return None
        if adopted.torn_bytes:
            self._note_torn(name, adopted.torn_bytes)
        return name._replace(sealed=True) if adopted.sealed else None

    def _moved(self, name: SegmentName) -> int | None:
        """Ship one segment. Gives its bytes; ``None`` where somebody else was quicker."""
        path = self.folder / name.file
        with held(self._disk, path) as descriptor:
            if descriptor is None:
                return None
            stored = self._disk.read(descriptor)
            lines = whole_lines(stored)
            if len(lines) < len(stored):
                self._note_torn(name, len(stored) - len(lines))
            if lines:
                self.carrier.carry(name, lines)
            self._disk.unlink(path)
        return len(stored)

    def _note(self, name: SegmentName, error: OSError) -> None:
        self._tally.error(error)
        self._complaints.say("spool", f"cannot ship {name.file}: {sentence(error)}", level=logging.WARNING)

    def _note_torn(self, name: SegmentName, size: int) -> None:
        self._tally.add(torn=1)
        what = (
            f"the writer of {name.stem} died in the middle of a line: its {size} bytes, never vouched for, are cut off"
        )
        self._complaints.say("torn", what, level=logging.WARNING)
