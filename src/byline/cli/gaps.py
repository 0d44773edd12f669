"""``byline search --unexplained``: what changed outside of the recorded services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import structs

from byline.cli.cells import value_cell
from byline.cli.output import Cell, note, write_json_lines, write_table
from byline.cli.stores import Stores, stores
from byline.model.gap import Gap
from byline.model.query import Position, Query
from byline.processor.unexplained import EXAMINED, search

_HEADERS = ("since", "until", "entity", "attribute", "previous", "current", "found by event")


def show_gaps(data: Path | None, query: Query, *, as_json: bool, limit: int) -> None:
    """Up to ``limit`` gaps, ``0``: all. A gap is found by the first event behind it: the filters are about that one,
    attribute and values about what changed unseen."""
    with stores(data) as opened:
        found = _gaps(opened, query, limit)
        if as_json:
            write_json_lines(found)
        else:
            write_table(_HEADERS, _rows(found), empty="Every change has its event.")


def _gaps(opened: Stores, query: Query, limit: int) -> Iterator[Gap]:
    shown = 0
    after: Position | None = None
    while True:
        gaps, after = search(opened.reader, opened.bucket, structs.replace(query, after=after, limit=EXAMINED))
        for gap in gaps:
            if limit and shown == limit:
                note(f"The first {limit} are shown; --limit 0 shows all.")
                return
            yield gap
            shown += 1
        if after is None:
            return


def _rows(gaps: Iterator[Gap]) -> Iterator[list[Cell]]:
    for gap in gaps:
        for change in gap.changes:
            yield [
                gap.since,
                gap.until,
                f"{gap.table_id} {gap.entity_id}",
                change.attribute,
                value_cell(change.previous_value, change.previous_type),
                value_cell(change.current_value, change.current_type),
                gap.before_event_id,
            ]
