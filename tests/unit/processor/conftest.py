"""Real stores in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from byline.bucket.folder import FolderBucket
from byline.history.sqlite import SqliteHistory
from byline.processor import Processor
from byline.queue.port import Announcement
from byline.queue.sqlite import SqliteQueue


class Road(Struct):
    """Bucket, queue and history, and a processor between them that is quick to try again."""

    data: Path
    bucket: FolderBucket
    queue: SqliteQueue
    history: SqliteHistory

    @property
    def processor(self) -> Processor:
        return Processor(self.bucket, self.queue, self.history, retry_after=0.01)

    def announce(self, *keys: str, bucket: str | None = None) -> None:
        self.queue.announce([Announcement(bucket or self.bucket.name, key) for key in keys])

    def reasons(self) -> dict[tuple[str, int | None], str]:
        return {(letter.key, letter.line): letter.reason for letter in self.history.dead_letters.list()}


@pytest.fixture(scope="session")
def empty_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrating takes longer than most of these tests: once will do."""
    file = tmp_path_factory.mktemp("empty") / "history.db"
    history = SqliteHistory(file)
    history.writer.migrate()
    history.close()
    return file


@pytest.fixture
def road(tmp_path: Path, empty_history: Path) -> Iterator[Road]:
    data = tmp_path / "data"
    data.mkdir()
    queue = SqliteQueue(data / "queue.db")
    shutil.copy(empty_history, data / "history.db")
    history = SqliteHistory(data / "history.db")
    yield Road(data, FolderBucket(data / "bucket"), queue, history)
    queue.close()
    history.close()
