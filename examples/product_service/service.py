"""What the shop does with products. Each function works in a transaction that its caller commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from examples.product_service.models import Product, Tag


class UnknownProduct(LookupError):
    """There is no such product."""


class Refused(Exception):
    """The shop's rules say no."""


def find(session: Session, product_id: int, *, lock: bool = False) -> Product:
    """``lock`` it where the new value depends on the old one."""
    product = session.get(Product, product_id, with_for_update=lock)
    if product is None:
        raise UnknownProduct(f"There is no product {product_id}.")
    return product


def create(session: Session, *, tags: Iterable[str], **values: Any) -> Product:
    product = Product(**values, tags=_tags(session, tags))
    session.add(product)
    try:
        session.flush()
    except IntegrityError as error:
        raise Refused(f"There is a product with the sku_id {product.sku_id} already.") from error
    return product


def change(session: Session, product_id: int, values: Mapping[str, Any]) -> Product:
    product = find(session, product_id)
    for name, value in values.items():
        setattr(product, name, _tags(session, value) if name == "tags" else value)
    return product


def move(session: Session, product_id: int, by: int) -> Product:
    """Take from the inventory (``by`` is negative), or put back."""
    product = find(session, product_id, lock=True)
    if product.inventory + by < 0:
        raise Refused(f"Of product {product_id} only {product.inventory} are left.")
    product.inventory += by
    return product


def reprice(session: Session, prices: Mapping[int, Decimal]) -> None:
    """All or nothing."""
    for product_id, price in prices.items():
        find(session, product_id).price = price
        session.flush()


def delete(session: Session, product_id: int) -> None:
    session.delete(find(session, product_id))


def _tags(session: Session, names: Iterable[str]) -> list[Tag]:
    wanted = sorted(set(names))
    known = {tag.name: tag for tag in session.scalars(select(Tag).where(Tag.name.in_(wanted)))}
    return [known.get(name) or Tag(name=name) for name in wanted]
