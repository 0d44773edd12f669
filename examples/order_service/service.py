"""What the shop does with orders. Each function works in a transaction that its caller commits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from byline import dump_context
from examples.order_service.models import CreditNote, Job, Order
from examples.order_service.products import Products


class UnknownOrder(LookupError):
    """There is no such order."""


class Refused(Exception):
    """The shop's rules say no."""


def find(session: Session, order_id: int, *, lock: bool = False) -> Order:
    """``lock`` it where the new value depends on the old one."""
    order = session.get(Order, order_id, with_for_update=lock)
    if order is None:
        raise UnknownOrder(f"There is no order {order_id}.")
    return order


def place(
    session: Session,
    products: Products,
    customer_id: str | None,
    product_id: int,
    quantity: int,
    address: Mapping[str, Any],
) -> Order:
    # The goods come first. Whoever runs out of luck between here and the commit puts them back by hand.
    price = products.move(product_id, -quantity)
    order = Order(
        customer_id=customer_id,
        status="PLACED",
        lines=[{"id": 1, "product_id": product_id, "quantity": quantity, "price": str(price)}],
        total=price * quantity,
        refunded_total=Decimal("0.00"),
        address=dict(address),
    )
    session.add(order)
    session.flush()
    return order


def move_to(session: Session, order_id: int, address: Mapping[str, Any]) -> Order:
    order = find(session, order_id)
    order.address = dict(address)
    return order


def refund(session: Session, products: Products, order_id: int, quantity: int) -> Order:
    """Some of the goods come back: here, in the product service, and as a credit note that a job writes later."""
    order = find(session, order_id, lock=True)
    line = order.lines[0]
    if quantity > line["quantity"]:
        raise Refused(f"Only {line['quantity']} can come back.")
    left = line["quantity"] - quantity
    amount = Decimal(line["price"]) * quantity
    order.status = "PARTLY_REFUNDED" if left else "REFUNDED"
    order.lines = [{**line, "quantity": left}]
    order.refunded_total += amount
    about = {"order_id": order.id, "amount": str(amount)}
    session.add(Job(name="issue_credit_note", about=about, context=dump_context()))
    session.flush()
    # Last, while the order is locked: should the other service not answer, nothing of all this has happened.
    products.move(line["product_id"], quantity)
    return order


def issue_credit_note(session: Session, order_id: int, amount: str) -> None:
    session.add(CreditNote(order_id=order_id, amount=Decimal(amount)))
