"""A small shop, with every kind of mapping that the rules speak of."""

# ruff: noqa: RUF012  # SQLAlchemy reads these dicts from the class and never changes them

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Computed, ForeignKey, Numeric, String, Table, Text, func
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, deferred, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {str: String(200), dict[str, Any]: JSON}


class Status(enum.Enum):
    DRAFT = "draft"
    LIVE = "live"


product_tags = Table(
    "product_tags",
    Base.metadata,
    Column("product_id", ForeignKey("products.id", onupdate="CASCADE"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None] = mapped_column()
    sku: Mapped[str | None] = mapped_column("sku_id")
    price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    inventory: Mapped[int] = mapped_column(default=0)
    status: Mapped[Status] = mapped_column(default=Status.DRAFT)
    extra: Mapped[dict[str, Any] | None]
    settings: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON))
    description: Mapped[str | None] = deferred(mapped_column(Text))
    currency: Mapped[str] = mapped_column(String(3), server_default="EUR")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime | None]
    shout = column_property(func.upper(title))
    tags: Mapped[list[Tag]] = relationship(secondary=product_tags, back_populates="products")
    reviews: Mapped[list[Review]] = relationship(cascade="all, delete-orphan", back_populates="product")


class Tag(Base):
    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    products: Mapped[list[Product]] = relationship(secondary=product_tags, back_populates="tags")


class Review(Base):
    __tablename__ = "reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    stars: Mapped[int]
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", onupdate="CASCADE"))
    product: Mapped[Product] = relationship(back_populates="reviews")


class Warehouse(Base):
    __tablename__ = "warehouses"

    id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str]
    shelves: Mapped[list[Shelf]] = relationship()


class Shelf(Base):
    """Outlives its warehouse: the foreign key becomes null."""

    __tablename__ = "shelves"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]
    warehouse_id: Mapped[int | None] = mapped_column(ForeignKey("warehouses.id"))


class OrderLine(Base):
    __tablename__ = "order_lines"

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_number: Mapped[int] = mapped_column("line", primary_key=True, autoincrement=False)
    quantity: Mapped[int]


class Account(Base):
    __tablename__ = "accounts"
    __byline__ = {"exclude": ["pin_hash"], "account_id": "owner"}

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    pin: Mapped[str | None] = mapped_column("pin_hash")


class Invoice(Base):
    """The database computes one column; the class itself sets another whenever it is written."""

    __tablename__ = "invoices"

    id: Mapped[int] = mapped_column(primary_key=True)
    net: Mapped[int]
    gross: Mapped[int] = mapped_column(Computed("net + net", persisted=True))
    writes: Mapped[int] = mapped_column(default=1, onupdate=lambda context: context.get_current_parameters()["net"])


class Cache(Base):
    __tablename__ = "cache"
    __byline__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Employee(Base):
    """Joined inheritance with :class:`Engineer`, single table with :class:`Trainee`."""

    __tablename__ = "employees"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "employee"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str]


class Engineer(Employee):
    __tablename__ = "engineers"
    __mapper_args__ = {"polymorphic_identity": "engineer"}

    id: Mapped[int] = mapped_column(ForeignKey("employees.id"), primary_key=True)
    language: Mapped[str | None]


class Trainee(Employee):
    __mapper_args__ = {"polymorphic_identity": "trainee"}

    school: Mapped[str | None] = mapped_column(nullable=True)


class Vehicle(Base):
    __tablename__ = "vehicles"

    id: Mapped[int] = mapped_column(primary_key=True)
    plate: Mapped[str]


class Truck(Vehicle):
    """Concrete inheritance: a table of its own."""

    __tablename__ = "trucks"
    __mapper_args__ = {"concrete": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    plate: Mapped[str]
    axles: Mapped[int]


class Node(Base):
    """Refers to one of its own children: that foreign key is written afterwards (``post_update``)."""

    __tablename__ = "nodes"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    favourite_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    favourite: Mapped[Node | None] = relationship(foreign_keys=favourite_id, remote_side=id, post_update=True)
    parent: Mapped[Node | None] = relationship(foreign_keys=parent_id, remote_side=id)
