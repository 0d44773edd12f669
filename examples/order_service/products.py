"""The product service, as this service calls it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import httpx
from msgspec import Struct


class ProductsFailed(Exception):
    """The product service said no, or nothing. ``status`` is the answer that this leaves us."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Products(Struct, frozen=True):
    """Calls in the name of one request: its request id, its trace, its user, and where the user is."""

    client: httpx.Client
    headers: Mapping[str, str]

    def move(self, product_id: int, by: int) -> Decimal:
        """Take from the inventory, or put back; gives the product's price."""
        try:
            answer = self.client.post(f"/products/{product_id}/inventory", json={"by": by}, headers=self.headers)
        except httpx.HTTPError as error:
            raise ProductsFailed("The product service does not answer.", 502) from error
        if answer.is_client_error:
            raise ProductsFailed(answer.json()["detail"], 409)
        if not answer.is_success:
            raise ProductsFailed("The product service failed.", 502)
        return Decimal(answer.json()["price"])
