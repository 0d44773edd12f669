"""Records what a SQLAlchemy ``Session`` writes: create, update and delete of mapped classes, by itself.

::

    from byline.integrations.sqlalchemy import track

    track(Session, recorder)

What one transaction did to one entity is one event, old and new whole, handed to the recorder once the commit is
durable. What this cannot see stands in one table: ``docs/how-to/sqlalchemy.md``.

The road: ``listener`` hears the session, ``flush`` takes the rows of one flush (by way of ``plan`` and ``links``),
``pending`` holds the net change of the transaction. ``unseen`` counts what passes by; ``target`` and ``options`` read
the arguments of ``track``.
"""

from byline.integrations.sqlalchemy.stats import TrackingStats
from byline.integrations.sqlalchemy.track import Tracking, track

__all__ = ["Tracking", "TrackingStats", "track"]
