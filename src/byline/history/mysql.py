"""The history in MySQL 8 or later, Aurora MySQL 3, or MariaDB 10.6 or later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from byline.history import partitions
from byline.history.letters import SqlDeadLetters
from byline.history.mysql_address import Address
from byline.history.mysql_engine import MySqlDatabase
from byline.history.mysql_setup import Setup, setup_of
from byline.history.mysql_source import Given, source_of
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

    ``url``: ``mysql://user[:password]@host[:port]/database?tls=…&auth=iam``, or ``secret:NAME-OR-ARN``. ``token`` gives
    what stands in for the password, for each connection anew (IAM's are good for 15 minutes, and ``auth=iam`` makes
    them by itself); TLS with a server that proves its name is then forced. ``environ`` holds AWS's usual variables.
    """

    def __init__(
        self, url: str, *, token: Callable[[], str] | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self._source = source_of(url, environ or {}) if token is None else Given(Address.parse(url), token)
        self._reading = MySqlDatabase(self._source, read_only=True)
        self._writing = MySqlDatabase(self._source, read_only=False)
        self.writer = MySqlWriter(self._writing)
        self.reader = SqlReader(self._reading)
        self.dead_letters = SqlDeadLetters(self._writing, self._reading)

    @property
    def name(self) -> str:
        """Where it is, without anything secret."""
        return self._writing.name

    @property
    def host(self) -> str:
        """The server's name."""
        return self._source.sign_in().host

    def setup(self) -> Setup:
        """How the server is set up. Raises :class:`~byline.errors.HistoryError`."""
        with self._reading.transaction() as connection:
            return setup_of(connection)

    def close(self) -> None:
        self._reading.close()
        self._writing.close()
