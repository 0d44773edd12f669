"""The history in MySQL 8 or later, Aurora MySQL 3, or MariaDB 10.6 or later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from byline.history import partitions
from byline.history.letters import SqlDeadLetters
from byline.history.mysql_address import Address
from byline.history.mysql_engine import MySqlDatabase
from byline.history.reader import SqlReader
from byline.history.writer import SqlWriter

MONTHS_AHEAD = 3


class MySqlWriter(SqlWriter):
    """The writer that also makes months."""

    def migrate(self) -> None:
        super().migrate()
        self.prepare_partitions()

    def prepare_partitions(self, months_ahead: int = MONTHS_AHEAD, *, today: date | None = None) -> int:
        """Make the partitions of this month and of so many after it; says how many were made. To be called once a
        week or so; twice, or from two places at once, does no harm."""
        day = today or datetime.now(UTC).date()

        def work() -> int:
            with self._database.migrating() as connection:
                return partitions.prepare(connection, day, months_ahead)

        return self._database.attempt(work)


class MySqlHistory:
    """Writer, reader and dead letters in one database, whose tables are made by ``writer.migrate()``.

    ``url``: ``mysql://user[:password]@host[:port]/database?tls=…``. ``token`` gives what stands in for the password,
    for each connection anew (IAM's are good for 15 minutes); TLS with a server that proves its name is then forced.
    """

    def __init__(self, url: str, *, token: Callable[[], str] | None = None) -> None:
        address = Address.parse(url)
        self._reading = MySqlDatabase(address, read_only=True, token=token)
        self._writing = MySqlDatabase(address, read_only=False, token=token)
        self.writer = MySqlWriter(self._writing)
        self.reader = SqlReader(self._reading)
        self.dead_letters = SqlDeadLetters(self._writing, self._reading)

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
