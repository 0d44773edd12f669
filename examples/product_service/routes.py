"""HTTP in, HTTP out. The transaction is committed before the answer is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, field_validator

from examples.database import Sessions
from examples.product_service import service
from examples.web import sessions_of, signed_in

router = APIRouter(prefix="/products", dependencies=[Depends(signed_in)])

Database = Annotated[Sessions, Depends(sessions_of)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=2000)]
Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
Stock = Annotated[int, Field(ge=0, le=1_000_000)]
TagName = Annotated[str, Field(min_length=1, max_length=40)]


class NewProduct(BaseModel):
    sku_id: Annotated[str, Field(min_length=1, max_length=40)]
    title: Title
    description: Description | None = None
    price: Price
    inventory: Stock = 0
    tags: list[TagName] = []


class ProductChanges(BaseModel):
    """What is not given stays as it is."""

    title: Title = ""
    description: Description | None = None
    price: Price = Decimal()
    inventory: Stock = 0
    tags: list[TagName] = []


class Move(BaseModel):
    by: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class ProductView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    sku_id: str
    title: str
    description: str | None
    price: Decimal
    inventory: int
    tags: list[str]

    @field_validator("tags", mode="before")
    @classmethod
    def _names(cls, tags: Any) -> list[str]:
        return [tag.name for tag in tags]


@router.post("", status_code=201)
def create(new: NewProduct, database: Database) -> ProductView:
    with database.begin() as session:
        return ProductView.model_validate(service.create(session, **new.model_dump()))


@router.get("/{product_id}")
def show(product_id: int, database: Database) -> ProductView:
    with database.begin() as session:
        return ProductView.model_validate(service.find(session, product_id))


@router.patch("/{product_id}")
def change(product_id: int, changes: ProductChanges, database: Database) -> ProductView:
    with database.begin() as session:
        product = service.change(session, product_id, changes.model_dump(exclude_unset=True))
        return ProductView.model_validate(product)


@router.post("/{product_id}/inventory")
def move(product_id: int, move: Move, database: Database) -> ProductView:
    with database.begin() as session:
        return ProductView.model_validate(service.move(session, product_id, move.by))


@router.post("/prices", status_code=204)
def reprice(prices: dict[int, Price], database: Database) -> None:
    with database.begin() as session:
        service.reprice(session, prices)


@router.delete("/{product_id}", status_code=204)
def delete(product_id: int, database: Database) -> None:
    with database.begin() as session:
        service.delete(session, product_id)
