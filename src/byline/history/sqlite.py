"""The history in one SQLite file."""

from __future__ import annotations

from pathlib import Path

from byline.history.engine import Database
from byline.history.letters import SqlDeadLetters
from byline.history.reader import SqlReader
from byline.history.writer import SqlWriter


class SqliteHistory:
    """Writer, reader and dead letters on one file. The file is made by ``writer.migrate()``; a reader never makes
    one."""

    def __init__(self, path: Path) -> None:
        self._reading = Database(path, read_only=True)
        self._writing = Database(path, read_only=False)
        self.writer = SqlWriter(self._writing)
        self.reader = SqlReader(self._reading)
        self.dead_letters = SqlDeadLetters(self._writing, self._reading)

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
