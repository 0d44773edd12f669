"""Which schema this code speaks, and which one a database has."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

SCHEMA = "0002"
"""The newest migration. A test holds it to the migrations' head."""


def schema_of(connection: Connection) -> str | None:
    """The revision of the database; None where no migration has run."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
