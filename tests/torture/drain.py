"""The restart: ship what is left, take it into a history, and read that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from byline.capture.ship import ship_folder
from byline.history.sqlite import SqliteHistory
from byline.model.query import EventRow, Query
from byline.processor import Processor
from byline.settings import Settings
from byline.wiring import open_bucket, open_history, open_queue
from tests.torture.templates import copy_history

_PASSES = 10
BYLINE = str(Path(sys.executable).with_name("byline"))


class Drained(Struct, frozen=True):
    """What the history says in the end."""

    events: list[EventRow]
    letters: list[str]
    """The reasons of the dead letters."""
    duplicates: int
    """Lines that came twice, and are one event all the same."""
    left: int
    """Segments that could not be shipped."""


def drain(data: Path) -> Drained:
    """As ``byline ship``, then ``byline process``, but in this process: a tenth of their time."""
    settings = Settings.load(data, environ={})
    left = _shipped(settings)
    copy_history(data / "history.db")
    with closing(open_history(settings)) as history, closing(open_queue(settings)) as queue:
        counts = Processor(open_bucket(settings), queue, history).run()
    return _read(data, counts.duplicates, left)


def _shipped(settings: Settings) -> int:
    """Ship until nothing is left, or nothing moves any more.

    A lock lives on in whatever this process starts on another thread, between its fork and its exec; so a segment may
    have to wait for the next pass, as it would in a service.
    """
    left = 0
    for _ in range(_PASSES):
        left = ship_folder(settings.spool, settings).left
        if not left:
            break
        time.sleep(0.05)
    return left


def contents(data: Path) -> frozenset[tuple[str, bytes]]:
    """What is to be drained: two folders that hold the same come to the same."""
    files = (path for part in ("spool", "bucket") for path in (data / part).rglob("*") if path.is_file())
    return frozenset((str(path.relative_to(data)), path.read_bytes()) for path in files)


def drain_by_command(data: Path) -> Drained:
    """With the executable, as people do it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BYLINE_")}
    said = []
    for command in ("ship", "process"):
        done = subprocess.run(
            [BYLINE, command, "--json", "--data", str(data)], env=environ, capture_output=True, check=True, text=True
        )
        said.append(json.loads(done.stdout.splitlines()[-1]))
    return _read(data, said[1]["duplicates"], said[0]["left"])


def _read(data: Path, duplicates: int, left: int) -> Drained:
    with closing(SqliteHistory(data / "history.db")) as history:
        letters = [str(letter.reason) for letter in history.dead_letters.list()]
        return Drained(list(_events(history)), letters, duplicates, left)


def _events(history: SqliteHistory) -> Iterator[EventRow]:
    after = None
    while True:
        page = history.reader.events(Query(limit=200, after=after))
        yield from page.rows
        after = page.next
        if after is None:
            return
