"""Events in the order in which the history took them, for followers: a late commit is never skipped."""

from __future__ import annotations

from byline.errors import StaleFeed
from byline.history.port import Reader
from byline.model.query import FeedPage, FeedPlace

MOST = 1_000
"""Events of one page."""


def feed(reader: Reader, after: FeedPlace | None, *, limit: int = 100, within: str | None = None) -> FeedPage:
    """The next events behind ``after`` (``None``: from the beginning), up to ``limit``.

    An event may come again (its first copy turned up later), so followers are idempotent by event id. Raises
    :class:`~byline.errors.StaleFeed` where ``after`` is from before a rebuild, or is a place that the history has not
    come to.
    """
    page = reader.feed(after or FeedPlace(0, 0, 0), limit=min(limit, MOST), within=within)
    if after is not None and (page.next.epoch != after.epoch or page.next.arrival < after.arrival):
        said = "the history was rebuilt, or put back, since this place in the feed"
        raise StaleFeed(said, hint="Begin again: leave `after` out.")
    return page
