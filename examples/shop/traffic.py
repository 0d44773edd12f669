"""A morning in the shop: the calls that people make, always the same ones in the same order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import httpx

from examples.shop.people import INES, LENA, MEI_LING, PAVAN, TOMAS, Person
from examples.shop.services import PATIENCE, Shop

REFUND: Final = "7f3d0c1e-9a4b-4c6d-8e2f-5b1a7d9c0e42"
"""The request id of the refund, which crosses both services and the worker."""

_PRODUCTS: Final = (
    {
        "sku_id": "sku_1",
        "title": "Redmi note 9 max | 6gb Ram | 128gb Storage",
        "price": "289.00",
        "inventory": 1,
        "tags": ["phones"],
    },
    {
        "sku_id": "sku_2",
        "title": "Anker 737 power bank",
        "price": "119.00",
        "inventory": 40,
        "tags": ["phones", "power"],
    },
    {
        "sku_id": "sku_3",
        "title": "Cast-iron casserole, 4.2 l",
        "description": "Enamelled cast iron. Suitable for gas, electric and ceramic hobs. Dishwasher safe.",
        "price": "89.90",
        "inventory": 12,
    },
    {"sku_id": "sku_4", "title": "Paper star, 60 cm", "price": "9.50", "inventory": 3},
)
_PORTO: Final = {"street": "Rua de Santa Catarina 88", "postal_code": "4000-322", "city": "Porto"}
_LISBOA: Final = {"street": "Rua Augusta 12", "postal_code": "1100-148", "city": "Lisboa"}


class Unexpected(Exception):
    """A service answered what it should not."""


def play(shop: Shop) -> Iterator[str]:
    """Make the calls; gives a line for each, once it is answered."""
    products, orders = f"{shop.products}/products", f"{shop.orders}/orders"
    for product in _PRODUCTS:
        yield _call(shop, TOMAS, "POST", products, product, status=201)
    better = {"title": "Redmi note 9 max | 4gb Ram | 128gb Storage", "inventory": 10}
    yield _call(shop, PAVAN, "PATCH", f"{products}/1", better)
    yield _call(shop, PAVAN, "POST", f"{products}/prices", {"1": "274.55", "2": "113.05", "3": "85.41"}, status=204)
    # Refused after two of the three prices were written: rolled back, so no event tells of them.
    wrong = {"1": "1.00", "2": "1.00", "99": "1.00"}
    yield _call(shop, PAVAN, "POST", f"{products}/prices", wrong, status=404) + "  (rolled back)"
    order = {"product_id": 2, "quantity": 2, "address": _PORTO}
    yield _call(shop, INES, "POST", orders, order, status=201)
    yield _call(shop, INES, "PUT", f"{orders}/1/address", _LISBOA)
    yield _call(shop, LENA, "POST", f"{orders}/1/refund", {"quantity": 1}, request_id=REFUND)
    hobs = {"description": "Enamelled cast iron. Suitable for gas, electric and induction hobs. Wash by hand."}
    yield _call(shop, MEI_LING, "PATCH", f"{products}/3", {**hobs, "tags": ["kitchen"]})
    yield _call(shop, MEI_LING, "DELETE", f"{products}/4", status=204)
    yield _credit_note(shop, f"{orders}/1")


def _call(
    shop: Shop,
    who: Person,
    method: str,
    url: str,
    body: Any = None,
    *,
    status: int = 200,
    request_id: str | None = None,
) -> str:
    answer = shop.call(who, method, url, request_id=request_id, body=body)
    _expect(answer, status)
    return f"{who.name:<15}{method:<7}{httpx.URL(url).path:<24}{answer.status_code}"


def _credit_note(shop: Shop, order: str) -> str:
    """Wait until the worker has done what the refund left to it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        answer = shop.call(LENA, "GET", order)
        _expect(answer, 200)
        if answer.json()["credit_notes"]:
            return f"{'the worker':<15}{'':<7}issue_credit_note"
        time.sleep(0.05)
    raise Unexpected(f"the worker has not issued the credit note within {PATIENCE} s")


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        asked = f"{answer.request.method} {answer.request.url}"
        raise Unexpected(f"{asked} was answered by {answer.status_code}, not {status}: {answer.text}")
