"""How a MySQL history is set up, for whoever looks after it."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection, text

from byline.history.partitions import LATER, PARTITIONED


class Setup(Struct, frozen=True):
    """What a server says of itself."""

    version: str
    cipher: str
    """By which this connection is encrypted; empty: by none."""
    newest_month: str
    """The last month that has a partition in every table, such as ``202607``; empty: none has."""


_MONTHS = text(
    "SELECT max(substr(partition_name, 2)) FROM information_schema.partitions "
    "WHERE table_schema = DATABASE() AND table_name = :table AND partition_name <> :later"
)


def setup_of(connection: Connection) -> Setup:
    """Ask the server."""
    cipher = connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).first()
    months = [connection.scalar(_MONTHS, {"table": table, "later": LATER}) or "" for table in PARTITIONED]
    return Setup(
        version=str(connection.scalar(text("SELECT version()"))),
        cipher=str(cipher[1]) if cipher else "",
        newest_month=min(months),
    )
