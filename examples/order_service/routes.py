"""HTTP in, HTTP out. The transaction is committed before the answer is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from byline import User, current, outgoing_headers
from examples.database import Sessions
from examples.order_service import service
from examples.order_service.products import Products
from examples.web import sessions_of, signed_in

router = APIRouter(prefix="/orders", dependencies=[Depends(signed_in)])

PASSED_ON = ("authorization", "traceparent", "tracestate")


def products_of(request: Request) -> Products:
    """A dependency: the product service, called with this request's id, trace and user."""
    context = current()
    headers = outgoing_headers()
    headers |= {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    if context is not None and context.ip_address:
        headers["x-forwarded-for"] = context.ip_address
    return Products(request.app.state.products, headers)


Database = Annotated[Sessions, Depends(sessions_of)]
Catalogue = Annotated[Products, Depends(products_of)]
Customer = Annotated[User, Depends(signed_in)]
Quantity = Annotated[int, Field(ge=1, le=1000)]


class Address(BaseModel):
    street: str
    postal_code: str
    city: str


class NewOrder(BaseModel):
    product_id: int
    quantity: Quantity
    address: Address


class Refund(BaseModel):
    quantity: Quantity


class OrderView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    status: str
    lines: list[dict[str, Any]]
    total: Decimal
    refunded_total: Decimal
    address: Address
    credit_notes: list[int]

    @field_validator("credit_notes", mode="before")
    @classmethod
    def _ids(cls, notes: Any) -> list[int]:
        return [note.id for note in notes]


@router.post("", status_code=201)
def place(new: NewOrder, database: Database, products: Catalogue, customer: Customer) -> OrderView:
    wanted = new.model_dump()
    with database.begin() as session:
        return OrderView.model_validate(service.place(session, products, customer.user_id, **wanted))


@router.get("/{order_id}")
def show(order_id: int, database: Database) -> OrderView:
    with database.begin() as session:
        return OrderView.model_validate(service.find(session, order_id))


@router.put("/{order_id}/address")
def move_to(order_id: int, address: Address, database: Database) -> OrderView:
    with database.begin() as session:
        return OrderView.model_validate(service.move_to(session, order_id, address.model_dump()))


@router.post("/{order_id}/refund")
def refund(order_id: int, refund: Refund, database: Database, products: Catalogue) -> OrderView:
    with database.begin() as session:
        return OrderView.model_validate(service.refund(session, products, order_id, refund.quantity))
