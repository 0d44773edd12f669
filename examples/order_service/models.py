"""The tables. ``jobs`` is a queue, not business data, and says so: its rows are not recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from examples.database import Money


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[dict[str, Any]]: JSON, Decimal: Money}  # noqa: RUF012 - read once


class CreditNote(Base):
    __tablename__ = "credit_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    amount: Mapped[Decimal]


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str | None] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(20))
    lines: Mapped[list[dict[str, Any]]]
    total: Mapped[Decimal]
    refunded_total: Mapped[Decimal]
    address: Mapped[dict[str, Any]]
    credit_notes: Mapped[list[CreditNote]] = relationship(order_by=CreditNote.id)


class Job(Base):
    """Work for later, with the context of the request that wants it."""

    __tablename__ = "jobs"
    __byline__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    about: Mapped[dict[str, Any]]
    context: Mapped[dict[str, Any]]
    attempts: Mapped[int] = mapped_column(default=0)
