"""Through the events of a question in order, a few at a time, within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from byline.history.drivers import Place, span_of
from byline.history.layout import Layout
from byline.history.packing import moment, time_of
from byline.history.plan import make_plan
from byline.model.query import Position, Query

_READ_AT_MOST = 20_000
_STEP_AT_MOST = 2_500
_SHOWN = 25


class Walk:
    """Steps through the events of a question in order, a few at a time, and never reads more than 20,000 for one page.

    ``stopped_at`` is where it gave up; ``None`` when it reached the end.
    """

    def __init__(self, connection: Connection, query: Query, layout: Layout) -> None:
        self._connection = connection
        self._layout = layout
        seen = query.after
        self._after = None if seen is None else (moment(seen.occurred_at), layout.unpack(seen.event))
        self.shown = None if seen is None or seen.attribute is None else (layout.unpack(seen.event), seen.attribute)
        """The last change of the page before, where that page ended inside an event."""
        self._plan = make_plan(connection, query)
        self._query = query
        self.change_conditions = self._plan.change_conditions if self._plan else ()
        self.stopped_at: Position | None = None

    def __iter__(self) -> Iterator[Sequence[Place]]:
        if self._plan is None:
            return
        after = self._after
        inclusive = self._query.after is not None and self._query.after.attribute is not None
        step = min(self._query.limit + 1, _STEP_AT_MOST)
        read = 0
        while read < _READ_AT_MOST:
            wanted = min(step, _READ_AT_MOST - read)
            places = self._plan.driver.read(self._connection, span_of(self._query, after, inclusive=inclusive), wanted)
            matching = self._plan.matching(self._connection, places)
            # What is read with an event costs more than its place: show a few events first, since they may be enough.
            yield from (some for some in (matching[:_SHOWN], matching[_SHOWN : 4 * _SHOWN]) if some)
            for start in range(4 * _SHOWN, len(matching), 4 * _SHOWN):
                yield matching[start : start + 4 * _SHOWN]
            if len(places) < wanted:
                return
            read += wanted
            after, inclusive = places[-1], False
            step = min(step * 4, _STEP_AT_MOST)
        if after is not None:
            self.stopped_at = self.position(after, None)

    def position(self, place: Place, attribute: str | None) -> Position:
        """Where the next page goes on, after this place."""
        return Position(time_of(place[0]), self._layout.pack(place[1]), attribute)
