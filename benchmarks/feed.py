"""Lays generated events into a folder bucket, as a shipper would, and announces them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import zstandard

from byline.bucket.keys import event_key
from byline.queue.port import Announcement
from byline.settings import Settings
from byline.wiring import open_bucket, open_queue

EVENTS_IN_AN_OBJECT = 1_000
SERVICE = "benchmark"


def settings_for(data: Path) -> Settings:
    """Settings for one folder, whatever the environment of whoever runs this says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BYLINE_")}
    return Settings.load(data, kept)


def fill(data: Path, lines: Iterable[bytes], *, first: int = 0) -> int:
    """Write the lines as ``.ndjson.zst`` objects of 1,000 and announce each; says how many objects there are. The
    objects are numbered from ``first`` on."""
    settings = settings_for(data)
    bucket, queue = open_bucket(settings), open_queue(settings)
    compress = zstandard.ZstdCompressor(level=3).compress
    when = datetime.now(UTC)
    announcements = []
    try:
        for number, chunk in enumerate(_chunks(lines), first):
            key = event_key(SERVICE, when, f"{number:08}", "ndjson.zst")
            bucket.put(key, compress(b"".join(chunk)))
            announcements.append(Announcement(bucket.name, key))
        queue.announce(announcements)
    finally:
        queue.close()
    return len(announcements)


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(lines)
    while chunk := list(islice(rest, EVENTS_IN_AN_OBJECT)):
        yield chunk
