"""Adding up what taking came to."""

from __future__ import annotations

from byline.history.port import Counts


def add_counts(counts: Counts, *, to: Counts) -> None:
    """Add ``counts`` to the running total ``to``."""
    to.objects += counts.objects
    to.events += counts.events
    to.changes += counts.changes
    to.duplicates += counts.duplicates
    to.dead_letters += counts.dead_letters
