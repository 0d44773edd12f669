"""The services of ``examples``, each a process of its own, called over HTTP; what the history says of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Struct
from sqlalchemy import select

from byline import MemorySink, Recorder
from byline.integrations.sqlalchemy import track
from byline.model.query import EventRow, Query
from byline.processor import Processor
from byline.settings import Settings
from byline.wiring import open_bucket, open_history, open_queue
from examples.database import open_database
from examples.order_service.jobs import run_next
from examples.order_service.models import Base, Job, Order
from examples.shop.people import INES, LENA, PAVAN, TOMAS, Person
from examples.shop.services import Shop, open_shop
from examples.shop.sign_in import ISSUER, SignIn
from examples.shop.traffic import REFUND
from tests.acceptance.running import PATIENCE, environment

ADDRESS = {"street": "Rua Augusta 12", "postal_code": "1100-148", "city": "Lisboa"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Street(Struct, frozen=True):
    """A shop, and the history of what is done in it."""

    shop: Shop
    find: Callable[..., list[EventRow]]
    """Takes what waits in the bucket, then answers a query."""

    def call(self, who: Person, method: str, path: str, body: Any = None, *, status: int, request_id: str = "") -> Any:
        service = self.shop.orders if path.startswith("/orders") else self.shop.products
        answer = self.shop.call(who, method, service + path, body=body, request_id=request_id or uuid())
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def new_product(self, who: Person = TOMAS, *, request_id: str = "", **values: Any) -> int:
        body = {"sku_id": uuid(), "title": "Kettle", "price": "40.00", "inventory": 100, **values}
        return int(self.call(who, "POST", "/products", body, status=201, request_id=request_id)["id"])

    def wait_for(self, events: int, **query: Any) -> list[EventRow]:
        """The events of this query, oldest first, once there are so many."""
        until = time.monotonic() + PATIENCE
        found: list[EventRow] = []
        while len(found) < events and time.monotonic() < until:
            found = self.find(**query)
            time.sleep(0.05)
        assert len(found) == events, found
        return found

    def settle(self) -> None:
        """Return once everything that the product service has recorded so far is in the history: its events come in
        their order."""
        request_id = uuid()
        self.new_product(request_id=request_id)
        self.wait_for(1, request_id=request_id)


@contextmanager
def street(folder: Path, data: Path | None = None, **settings: str) -> Iterator[Street]:
    environ = environment(BYLINE_DATA=str(data or folder / "data"), **settings)
    told = Settings.load(environ={"BYLINE_DATA": environ["BYLINE_DATA"]})
    told.data.mkdir(exist_ok=True)
    with open_shop(folder / "shop", environ) as shop, closing(open_history(told)) as history:
        history.writer.migrate()
        with closing(open_queue(told)) as queue:
            processor = Processor(open_bucket(told), queue, history)

            def find(**query: Any) -> list[EventRow]:
                processor.run()
                return list(history.reader.events(Query(order="oldest", limit=200, **query)).rows)

            yield Street(shop, find)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """One for all tests that leave it as good as it was."""
    with street(tmp_path_factory.mktemp("street")) as opened:
        yield opened


def uuid() -> str:
    return str(uuid4())


def who_did(event: EventRow) -> tuple[str | None, ...]:
    return event.account_id, event.user_id, event.user_email, event.user_name


def is_of(person: Person) -> tuple[str | None, ...]:
    return person.account_id, person.user_id, person.email, person.name


def test_one_request_id_crosses_both_services_and_the_job(here: Street) -> None:
    product = here.new_product()
    order = here.call(INES, "POST", "/orders", {"product_id": product, "quantity": 2, "address": ADDRESS}, status=201)[
        "id"
    ]
    request_id = uuid()
    here.call(LENA, "POST", f"/orders/{order}/refund", {"quantity": 1}, status=200, request_id=request_id)
    events = here.wait_for(3, request_id=request_id)
    told = {(event.microservice_name, event.table_id, event.action, event.job) for event in events}
    assert told == {
        ("product_management", "products_master", "update", None),
        ("orders", "orders", "update", None),
        ("orders", "credit_notes", "create", "issue_credit_note"),
    }
    assert [who_did(event) for event in events] == [is_of(LENA)] * 3
    assert {event.ip_address for event in events} == {LENA.ip_address}


def test_the_trace_crosses_them_too(here: Street) -> None:
    product, request_id = here.new_product(), uuid()
    answer = here.shop.client.post(
        f"{here.shop.orders}/orders",
        json={"product_id": product, "quantity": 1, "address": ADDRESS},
        headers={
            "authorization": f"Bearer {here.shop.sign_in.token(INES)}",
            "request-id": request_id,
            "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
        },
    )
    assert answer.status_code == 201
    assert answer.headers["request-id"] == request_id
    assert [event.trace_id for event in here.wait_for(2, request_id=request_id)] == [TRACE, TRACE]


def test_the_actor_is_whom_the_verified_token_names(here: Street) -> None:
    request_id = uuid()
    product = here.new_product(TOMAS, request_id=request_id)
    (event,) = here.wait_for(1, request_id=request_id)
    assert who_did(event) == is_of(TOMAS)
    assert (event.ip_address, event.verified_by, event.browser_name) == (TOMAS.ip_address, ISSUER, "firefox")
    assert (event.table_id, event.entity_id, event.action) == ("products_master", str(product), "create")


def test_a_token_that_cannot_be_verified_is_turned_away_and_changes_nothing(here: Street) -> None:
    product, request_id = here.new_product(), uuid()
    for token in (SignIn().token(PAVAN), here.shop.sign_in.token(PAVAN, -3600), "none"):
        answer = here.shop.client.patch(
            f"{here.shop.products}/products/{product}",
            json={"title": "Mine"},
            headers={"authorization": f"Bearer {token}", "request-id": request_id},
        )
        assert answer.status_code == 401, token
    here.settle()
    assert here.find(request_id=request_id) == []


def test_a_request_that_is_rolled_back_leaves_no_event(here: Street) -> None:
    products, request_id = [here.new_product() for _ in range(2)], uuid()
    prices = {str(product): "1.00" for product in products} | {"999999": "1.00"}
    here.call(PAVAN, "POST", "/products/prices", prices, status=404, request_id=request_id)
    here.settle()
    assert here.find(request_id=request_id) == []
    for product in products:
        assert here.call(PAVAN, "GET", f"/products/{product}", status=200)["price"] == "40.00"
        assert [event.action for event in here.find(table_id="products_master", entity_id=str(product))] == ["create"]


def test_what_a_duplicate_is_refused_leaves_no_event(here: Street) -> None:
    sku, request_id = uuid(), uuid()
    here.new_product(sku_id=sku)
    here.call(
        TOMAS,
        "POST",
        "/products",
        {"sku_id": sku, "title": "Again", "price": "1.00", "tags": [uuid()]},
        status=409,
        request_id=request_id,
    )
    here.settle()
    assert here.find(request_id=request_id) == []


def test_a_delete_tells_what_was_there(here: Street) -> None:
    tag = uuid()
    product, request_id = here.new_product(price="9.50", tags=[tag]), uuid()
    here.call(PAVAN, "DELETE", f"/products/{product}", status=204, request_id=request_id)
    events = {event.table_id: event for event in here.wait_for(2, request_id=request_id)}
    gone = events["products_master"]
    assert (gone.action, gone.entity_id, who_did(gone)) == ("delete", str(product), is_of(PAVAN))
    told = {change.attribute: (change.previous_value, change.current_type) for change in gone.changes}
    assert told["price"] == ("9.50", "absent")
    assert told["title"] == ("Kettle", "absent")
    assert events["product_tags"].action == "delete"


def test_several_entities_of_one_request_have_its_id(here: Street) -> None:
    products, request_id = [here.new_product() for _ in range(3)], uuid()
    prices = {str(product): "35.50" for product in products}
    here.call(PAVAN, "POST", "/products/prices", prices, status=204, request_id=request_id)
    events = here.wait_for(3, request_id=request_id)
    assert {event.entity_id for event in events} == set(prices)
    for event in events:
        assert [(c.attribute, c.previous_value, c.current_value) for c in event.changes] == [
            ("price", "40.00", "35.50")
        ]


def test_twenty_users_at_once_are_never_mixed_up(here: Street) -> None:
    product = here.new_product(inventory=100)
    people = [Person(uuid(), f"User {n}", f"user{n}@example.com", f"203.0.113.{n}", f"agent-{n}") for n in range(20)]
    requests = {person.user_id: uuid() for person in people}

    def buy(person: Person) -> None:
        body = {"product_id": product, "quantity": 1, "address": ADDRESS}
        here.call(person, "POST", "/orders", body, status=201, request_id=requests[person.user_id])

    with ThreadPoolExecutor(len(people)) as threads:
        list(threads.map(buy, people))
    for person in people:
        events = here.wait_for(2, request_id=requests[person.user_id])
        assert {event.table_id for event in events} == {"orders", "products_master"}
        assert {(who_did(event), event.ip_address) for event in events} == {(is_of(person), person.ip_address)}
    sold = here.find(table_id="products_master", entity_id=str(product), action="update")
    steps = {(event.changes[0].previous_value, event.changes[0].current_value) for event in sold}
    assert steps == {(str(left), str(left - 1)) for left in range(100, 80, -1)}


def test_a_job_that_fails_leaves_no_event_and_waits_while_the_others_are_done(tmp_path: Path) -> None:
    sessions, sink = open_database(f"sqlite:///{tmp_path / 'orders.db'}", Base), MemorySink()
    tracking = track(sessions, Recorder("orders", sink))
    with sessions.begin() as session:
        order = {"status": "PLACED", "lines": [], "total": Decimal(1), "refunded_total": Decimal(0), "address": {}}
        session.add(Order(id=1, **order))
        for order_id, amount in ((1, "no number"), (1, "2.50")):
            about = {"order_id": order_id, "amount": amount}
            session.add(Job(name="issue_credit_note", about=about, context={"request_id": amount.replace(" ", "-")}))
            session.flush()
    sink.clear()
    assert [run_next(sessions) for _ in range(3)] == [False, True, False]
    (event,) = sink.events
    assert (event.request_info.request_id, event.request_info.job) == ("2.50", "issue_credit_note")
    with sessions() as session:
        assert [(job.about["amount"], job.attempts) for job in session.scalars(select(Job))] == [("no number", 2)]
    tracking.stop()
    sessions.kw["bind"].dispose()


def test_without_the_other_service_a_refund_has_not_happened(tmp_path: Path) -> None:
    with street(tmp_path) as alone:
        product = alone.new_product()
        body = {"product_id": product, "quantity": 2, "address": ADDRESS}
        order = alone.call(INES, "POST", "/orders", body, status=201)["id"]
        end(alone.shop, "examples.product_service", signal.SIGTERM)
        alone.call(LENA, "POST", f"/orders/{order}/refund", {"quantity": 1}, status=502, request_id=REFUND)
        moved = uuid()
        path = f"/orders/{order}/address"
        alone.call(INES, "PUT", path, {**ADDRESS, "city": "Porto"}, status=200, request_id=moved)
        alone.wait_for(1, request_id=moved)
        assert alone.find(request_id=REFUND) == []
        assert alone.call(INES, "GET", f"/orders/{order}", status=200)["status"] == "PLACED"


def test_what_a_killed_service_left_in_the_spool_is_shipped_by_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    blocked = data / "bucket"
    blocked.write_text("no folder: nothing can be shipped")
    requests = [uuid() for _ in range(5)]
    with open_shop(tmp_path / "shop", environment(BYLINE_DATA=str(data))) as shop:
        for number, request_id in enumerate(requests):
            body = {"sku_id": f"sku_{number}", "title": "Kettle", "price": "40.00"}
            answer = shop.call(TOMAS, "POST", f"{shop.products}/products", body=body, request_id=request_id)
            assert answer.status_code == 201
        for module in list(shop.processes):
            end(shop, module, signal.SIGKILL)
    assert sum(path.stat().st_size for path in (data / "spool").rglob("*") if path.is_file()) > 0
    blocked.unlink()
    with street(tmp_path, data) as again:
        for request_id in requests:
            (event,) = again.wait_for(1, request_id=request_id)
            assert who_did(event) == is_of(TOMAS)


def end(shop: Shop, module: str, number: signal.Signals) -> None:
    shop.processes[module].send_signal(number)
    shop.processes[module].wait(PATIENCE)
