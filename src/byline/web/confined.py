"""The one place where accounts are kept apart: a reader that shows one account, whatever it is asked."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from byline.history.port import Arrivals, Health, Reader, StreamGap
from byline.model.query import ChangeRow, DayActivity, EventRow, FeedPage, FeedPlace, Link, Page, Query


def confined(reader: Reader, within: str | None) -> Reader:
    """``reader`` as one account may use it; ``None``: as it is."""
    return reader if within is None else Confined(reader, within)


class Confined:
    """A :class:`~byline.history.port.Reader` of one account. What a question says of ``within`` is overruled, so a
    caller of this reader that forgets to say it shows nothing of another account."""

    def __init__(self, reader: Reader, within: str) -> None:
        self._reader = reader
        self._within = within

    def changes(self, query: Query) -> Page[ChangeRow]:
        return self._reader.changes(self._own(query))

    def events(self, query: Query) -> Page[EventRow]:
        return self._reader.events(self._own(query))

    def event(self, event_id: str, *, within: str | None = None) -> EventRow | None:  # noqa: ARG002
        return self._reader.event(event_id, within=self._within)

    def activity(self, query: Query) -> list[DayActivity] | None:
        return self._reader.activity(self._own(query))

    def links(self, query: Query) -> Page[Link]:
        return self._reader.links(self._own(query))

    def suspects(self, query: Query) -> Page[Link]:
        return self._reader.suspects(self._own(query))

    def suspected(self, event_ids: Sequence[str]) -> set[str]:
        """Only ids go in, and only some of them come out: whoever has them has seen the events."""
        return self._reader.suspected(event_ids)

    def feed(self, after: FeedPlace, *, limit: int, within: str | None = None) -> FeedPage:  # noqa: ARG002
        return self._reader.feed(after, limit=limit, within=self._within)

    def arrivals(self, after: int = 0, *, limit: int = 100) -> Arrivals:
        """Objects hold events of many accounts: their keys and numbers are for whoever reads the events back through
        :meth:`event`, and are never shown."""
        return self._reader.arrivals(after, limit=limit)

    def stream_gaps(self, limit: int = 100) -> list[StreamGap]:  # noqa: ARG002
        """Streams are no account's."""
        return []

    def health(self) -> Health:
        """How much there is, and when the newest came, is the other accounts' affair, too."""
        return Health(objects=0, newest_event_at=None, dead_letters=0, schema=self._reader.health().schema)

    def close(self) -> None:
        """The reader behind this one is closed by whoever opened it."""

    def _own(self, query: Query) -> Query:
        return structs.replace(query, within=self._within)
