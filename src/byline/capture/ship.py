"""Empty a spool folder from outside: after a service is gone, or for one that cannot ship by itself."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from byline.capture.carrier import Carrier
from byline.capture.complaints import Complaints
from byline.capture.disk import Disk
from byline.capture.folder import look
from byline.capture.shipping import Shipping
from byline.capture.sinks import openers
from byline.capture.tally import Tally
from byline.errors import UsageError
from byline.settings import Settings


class Shipped(Struct, frozen=True, kw_only=True):
    """What came of it."""

    objects: int
    events: int
    torn: int
    """Last lines of writers that died, cut off: they were never written whole, and never vouched for."""
    left: int
    """Segments that are still in the folder, in the hands of running processes or because of ``error``."""
    error: Exception | None
    """What kept some from being shipped: the bucket's error, or the disk's."""


def ship_folder(folder: Path, settings: Settings, *, disk: Disk | None = None) -> Shipped:
    """Ship everything in the folder that is sealed, or whose writer has died. Is safe beside running services: what
    they have in hand is left to them. A folder that is not there holds nothing. Raises
    :class:`~byline.errors.UsageError` for one that cannot be read."""
    tally, complaints = Tally(), Complaints()
    carrier = Carrier(*openers(settings), tally=tally, complaints=complaints)
    try:
        outcome = Shipping(folder, disk or Disk(), carrier, tally=tally, complaints=complaints).ship(look(folder))
        found = look(folder)
    except OSError as error:
        hint = "Let this user read and write it."
        raise UsageError(f"cannot use the spool folder {folder}: {error.strerror or error}", hint=hint) from error
    finally:
        carrier.close()
    stats = tally.stats(accepted=0, waiting_events=0, waiting_bytes=0)
    return Shipped(
        objects=stats.shipped_objects,
        events=stats.shipped_events,
        torn=stats.torn,
        left=len(found.sealed) + len(found.open),
        error=outcome.error or outcome.unreadable,
    )
