"""A database for a service, and money in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Engine, TypeDecorator, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

Sessions = sessionmaker[Session]


def open_database(url: str, base: type[DeclarativeBase]) -> Sessions:
    """Sessions on any database that SQLAlchemy knows; missing tables are made."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        _lock_first(engine)
    base.metadata.create_all(engine)
    return sessionmaker(engine)


def _lock_first(engine: Engine) -> None:
    """SQLite knows no ``SELECT … FOR UPDATE``: a transaction takes its lock when it begins, and waits for its turn."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction by itself
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 30000")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class Money(TypeDecorator[Decimal]):
    """An exact amount, kept in cents: SQLite has no decimal numbers."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else int(value.scaleb(2))

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value).scaleb(-2)
