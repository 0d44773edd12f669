"""Bring the schema up to date. Twice, or from two places at once, does no harm: the lock is taken before anything is
asked."""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import Connection, update

from byline.errors import SchemaOutdated
from byline.history import tables
from byline.history.engine import Database
from byline.history.schema import SCHEMA, schema_of

_EPOCHS = 10**9


def upgrade(database: Database) -> None:
    """One transaction: all of it, or nothing; in MySQL, where tables are made outside of any transaction, what a
    migration that died has left undone is done by the next one. Raises :class:`SchemaOutdated` where the database is
    newer than this code."""
    with database.migrating() as connection:
        found = schema_of(connection)
        if found == SCHEMA:
            return
        if found is not None and found > SCHEMA:
            raise SchemaOutdated(
                f"the history has schema {found}, this Byline speaks {SCHEMA}", hint="install the newer Byline"
            )
        _run(connection)
        if found is None:
            _begin_anew(connection)


def _begin_anew(connection: Connection) -> None:
    """A history that takes the place of one that was lost must not go by its epoch: followers would go on from places
    that mean nothing here."""
    counters = tables.counters
    epoch = secrets.randbelow(_EPOCHS) + 1
    connection.execute(update(counters).where(counters.c.name == "epoch").values(value=epoch))


def _run(connection: Connection) -> None:
    # Alembic takes a fifth of a second to import, and almost every call finds the schema up to date.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
