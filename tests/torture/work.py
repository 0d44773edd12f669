"""What is done under torture: the same requests for the service over HTTP and for its rules without HTTP.

Each request has an id that tells who sent it, as the how manieth, and of what kind; so how many events it makes, and
whether the database has it, can be told from the id alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

WORKERS: Final = 2
UNKNOWN: Final = 999_999
NEVER: Final = "never"
"""What only a transaction, or a savepoint, that is rolled back writes."""

EVENTS: Final = {"tagged": 3, "plain": 1, "change": 1, "reprice": 2, "refused": 0, "delete": 1}
"""The kinds of request, in the order in which each worker sends them, and the events of each."""
KINDS: Final = tuple(EVENTS)


class Request(Struct, frozen=True, order=True):
    worker: int
    step: int

    @property
    def kind(self) -> str:
        return KINDS[self.step % len(KINDS)]

    @property
    def events(self) -> int:
        return EVENTS[self.kind]

    @property
    def id(self) -> str:
        return f"torture-{self.worker}-{self.step}"

    @property
    def next(self) -> Request:
        return Request(self.worker, self.step + 1)

    @property
    def price(self) -> Decimal:
        """Nobody else's."""
        return Decimal(self.worker * 1_000_000 + self.step).scaleb(-2)

    def earlier(self, kind: str) -> Request:
        """The request of this kind in the same round."""
        return Request(self.worker, self.step - self.step % len(KINDS) + KINDS.index(kind))


def request_of(text: str | None) -> Request | None:
    """``None`` where the id is none of ours."""
    word, _, numbers = (text or "").partition("-")
    worker, _, step = numbers.partition("-")
    return Request(int(worker), int(step)) if word == "torture" and worker.isdigit() and step.isdigit() else None


class Products(Protocol):
    """The product service, over HTTP or not. Each call is one transaction, and returns once it is committed and its
    events are recorded."""

    def create(self, request: Request, tags: list[str]) -> int: ...
    def change(self, request: Request, product: int, description: str) -> None: ...
    def reprice(self, request: Request, prices: Mapping[int, Decimal]) -> None:
        """Where it is refused, it raises nothing."""

    def delete(self, request: Request, product: int) -> None: ...


def work(products: Products, worker: int, rounds: int, done: Callable[[Request], None]) -> None:
    """Send the requests of one worker, one after another."""
    request = Request(worker, 0)
    kept = passing = 0
    while request.step < rounds * len(KINDS):
        match request.kind:
            case "tagged":
                kept = products.create(request, [request.id])
            case "plain":
                passing = products.create(request, [])
            case "change":
                products.change(request, kept, request.id)
            case "reprice":
                products.reprice(request, {kept: request.price, passing: request.price})
            case "refused":
                products.reprice(request, {kept: request.price, passing: request.price, UNKNOWN: request.price})
            case "delete":
                products.delete(request, passing)
        done(request)
        request = request.next


def is_committed(request: Request, database: Path) -> bool:
    """Whether the service's database has it; only for the last request that its worker sent."""
    match request.kind:
        case "tagged" | "plain":
            return _rows(database, "sku_id = ?", request.id) > 0
        case "change":
            return _rows(database, "description = ?", request.id) > 0
        case "delete":
            return _rows(database, "sku_id = ?", request.earlier("plain").id) == 0
        case _:
            return _rows(database, "price = ?", int(request.price.scaleb(2))) > 0


def _rows(database: Path, where: str, value: object) -> int:
    with closing(sqlite3.connect(database)) as connection:
        try:
            (rows,) = connection.execute(f"SELECT count(*) FROM products_master WHERE {where}", (value,)).fetchone()
        except sqlite3.OperationalError:  # killed before its tables were made
            return 0
    return int(rows)
