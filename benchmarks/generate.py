"""Audit events as a small shop would write them, from a seed: the same seed gives the same bytes.

Requests make 1 to 4 events; entities live on from event to event, so that old and new are real states; about 2.5
attributes change per event on average. Ids are UUIDv7 in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
PAUSE = 4.0
"""Mean seconds between two requests."""

ACCOUNTS, USERS = 60, 400
LIVING = 20_000
"""Entities that are changed again and again; beyond that a create takes the place of an old one."""

CREATES, DELETES = 0.12, 0.02
EVENTS_IN_A_REQUEST = (1, 1, 1, 1, 2, 2, 3, 4)
CHANGED_ATTRIBUTES = (1, 1, 1, 1, 2, 2, 2, 2, 3, 4)

Data = dict[str, Any]

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {_SAFARI} Version/17.5 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36",
    "python-requests/2.32.3",
)
WORDS = (
    *("oak", "steel", "blue", "red", "large", "small", "travel", "summer", "winter", "cotton"),
    *("ceramic", "desk", "lamp", "mug", "shelf", "chair", "cable", "bottle", "jacket", "pan"),
)
CITIES = ("Pune", "Berlin", "Porto", "Lagos", "Lyon", "Graz", "Leeds", "Osaka")
STATUS = ("NEW", "PAID", "PACKED", "SHIPPED", "DELIVERED", "RETURNED", "REFUNDED")


class Table(NamedTuple):
    """A table of one service: how its rows are made, and how each attribute gets a new value."""

    service: str
    name: str
    make: Callable[[Random, int], Data]
    attributes: dict[str, Callable[[Random], Any]]


class Actor(NamedTuple):
    account: str
    user: Data
    ip_address: str
    agent: str


def _title(rng: Random) -> str:
    return " ".join(rng.choices(WORDS, k=4)).capitalize()


def _price(rng: Random) -> float:
    return rng.randrange(99, 99_999) / 100


def _number(top: int) -> Callable[[Random], int]:
    return lambda rng: rng.randrange(top)


def _one_of(words: tuple[str, ...]) -> Callable[[Random], str]:
    return lambda rng: rng.choice(words)


def _date(rng: Random) -> str:
    return f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


PRODUCT: dict[str, Callable[[Random], Any]] = {
    "title": _title,
    "price": _price,
    "inventory": _number(500),
    "weight_g": _number(20_000),
    "description": lambda rng: f"{_title(rng)}. {_title(rng)}, {_title(rng)}.",
    "is_listed": lambda rng: rng.random() < 0.5,
    "category": _one_of(WORDS),
}
ORDER: dict[str, Callable[[Random], Any]] = {
    "status": _one_of(STATUS),
    "total": _price,
    "delivery_date": _date,
    "note": lambda rng: None if rng.random() < 0.5 else _title(rng),
    "city": _one_of(CITIES),
    "refunded_total": _price,
}
STOCK: dict[str, Callable[[Random], Any]] = {
    "on_hand": _number(1_000),
    "reserved": _number(100),
    "shelf": lambda rng: f"{rng.choice('ABCDEF')}{rng.randrange(1, 60)}",
    "counted_on": _date,
}
CUSTOMER: dict[str, Callable[[Random], Any]] = {
    "email": lambda rng: f"{rng.choice(WORDS)}.{rng.choice(WORDS)}{rng.randrange(999)}@example.org",
    "phone": lambda rng: f"+49 30 {rng.randrange(10**6, 10**7)}",
    "city": _one_of(CITIES),
    "newsletter": lambda rng: rng.random() < 0.5,
    "credit_limit": _number(5_000),
}


def _maker(id_name: str, attributes: dict[str, Callable[[Random], Any]]) -> Callable[[Random, int], Data]:
    return lambda rng, number: {id_name: number, **{name: new(rng) for name, new in attributes.items()}}


TABLES = (
    Table("product_management", "products_master", _maker("_id", PRODUCT), PRODUCT),
    Table("order_management", "orders", _maker("id", ORDER), ORDER),
    Table("inventory", "stock_levels", _maker("id", STOCK), STOCK),
    Table("customer_accounts", "customers", _maker("id", CUSTOMER), CUSTOMER),
)
SHARES = (30, 40, 20, 10)


class Shop:
    """The shop's present state, and the road from it to the next event."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.now = START
        self.actors = [self._actor(number) for number in range(USERS)]
        self.rows: dict[str, dict[int, Data]] = {table.name: {} for table in TABLES}
        self.living: dict[str, list[int]] = {table.name: [] for table in TABLES}
        self.last_id = 0

    def request(self) -> Iterator[Data]:
        """The events of one request."""
        rng = self.rng
        self.now += timedelta(seconds=rng.expovariate(1 / PAUSE))
        actor, request_id = rng.choice(self.actors), self._uuid4()
        for _ in range(rng.choice(EVENTS_IN_A_REQUEST)):
            self.now += timedelta(milliseconds=rng.randrange(1, 40))
            yield self._event(rng.choices(TABLES, SHARES)[0], actor, request_id)

    def _event(self, table: Table, actor: Actor, request_id: str) -> Data:
        entity, action, old, new = self._step(table)
        return {
            "event_id": self._uuid7(),
            "table_id": table.name,
            "entity_id": str(entity),
            "micro_service_name": table.service,
            "action": action,
            "old_data": old,
            "new_data": new,
            "request_info": {
                "time_stamp": self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "ip_address": actor.ip_address,
                "request_id": request_id,
                "user": actor.user,
                "miscellaneous": {"user_agent": actor.agent},
            },
        }

    def _step(self, table: Table) -> tuple[int, str, Data | None, Data | None]:
        rng, rows, living = self.rng, self.rows[table.name], self.living[table.name]
        chance = rng.random()
        if chance < CREATES or not living:
            self.last_id += 1
            rows[self.last_id] = made = table.make(rng, self.last_id)
            if len(living) < LIVING:
                living.append(self.last_id)
            else:
                place = rng.randrange(LIVING)
                del rows[living[place]]
                living[place] = self.last_id
            return self.last_id, "create", None, made
        # Few entities get most of the attention, as in life: some histories are hundreds of events long.
        place = int(len(living) * rng.random() ** 3)
        entity = living[place]
        old = rows[entity]
        if chance < CREATES + DELETES:
            living[place] = living[-1]
            living.pop()
            del rows[entity]
            return entity, "delete", old, None
        chosen = rng.sample(list(table.attributes), min(rng.choice(CHANGED_ATTRIBUTES), len(table.attributes)))
        rows[entity] = new = old | {name: table.attributes[name](rng) for name in chosen}
        return entity, "update", old, new

    def _actor(self, number: int) -> Actor:
        rng = self.rng
        first, last = rng.choice(WORDS), rng.choice(WORDS)
        account = f"account-{number % ACCOUNTS:03}"
        user = {
            "account_id": account,
            "user_id": self._uuid4(),
            "email": f"{first}.{last}.{number}@example.org",
            "user_name": f"{first.capitalize()} {last.capitalize()}",
        }
        ip_address = f"203.0.113.{rng.randrange(256)}" if number % 5 else f"2001:db8::{rng.randrange(1 << 16):x}"
        return Actor(account, user, ip_address, rng.choices(AGENTS, (40, 12, 14, 8, 14, 10, 2))[0])

    def _uuid4(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def _uuid7(self) -> str:
        millis = int(self.now.timestamp() * 1000)
        bits = millis << 80 | 0x7 << 76 | self.rng.getrandbits(12) << 64 | 0b10 << 62 | self.rng.getrandbits(62)
        return str(UUID(int=bits))


def events(count: int, *, seed: int = 7) -> Iterator[Data]:
    """``count`` events, as dictionaries of the wire format."""
    shop = Shop(seed)
    made = 0
    while made < count:
        for event in shop.request():
            yield event
            made += 1
            if made == count:
                return


def lines(count: int, *, seed: int = 7) -> Iterator[bytes]:
    """``count`` events, as lines of NDJSON with their line ends."""
    encode = msgspec.json.Encoder().encode
    for event in events(count, seed=seed):
        yield encode(event) + b"\n"
