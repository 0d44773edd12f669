"""What the unit of work writes: old and new whole, and what that costs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, inspect
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import OperationalError

from byline.model.diff import diff
from tests.integrations.models import Invoice, Product, Review, Shelf, Status, Tag, Warehouse

pytestmark = pytest.mark.usefixtures("tracking")

COLUMNS = {column.name for column in Product.__table__.columns}


def changes(event):
    return {change.attribute: (change.previous_value, change.current_value) for change in diff(event)}


@pytest.fixture
def product(sessions, news):
    """One that is there already, with a value in every column."""
    with sessions.begin() as session:
        session.add(Product(id=1, title="Tea", sku="t-1", price=Decimal("2.50"), extra={"a": 1}, settings={"b": 1}))
        session.flush()
        session.get(Product, 1).description = "green"
    news()
    return 1


def test_a_created_row_is_one_event_with_every_column(sessions, news):
    with sessions.begin() as session:
        session.add(Product(title="Tea", price=Decimal("2.50")))
    [event] = news()
    assert (event.action, event.table_id, event.micro_service_name) == ("create", "products", "shop")
    assert event.old_data is None
    assert event.new_data.keys() == COLUMNS
    assert event.entity_id == str(event.new_data["id"])
    assert event.new_data["title"] == "Tea"


def test_what_was_not_set_is_null_and_defaults_are_what_the_database_made_of_them(sessions, news):
    with sessions.begin() as session:
        session.add(Product(title="Tea"))
    new = news()[0].new_data
    assert new["sku_id"] is None
    assert (new["inventory"], new["status"], new["currency"]) == (0, "draft", "EUR")
    assert new["created_at"] is not None


def test_an_updated_row_is_one_event_old_and_new_whole(sessions, news, product, tracking):
    with sessions.begin() as session:
        held = session.get(Product, product)
        assert held.description == "green"
        held.title, held.inventory = "Coffee", 7
    [event] = news()
    assert event.action == "update"
    assert event.old_data.keys() == event.new_data.keys() == COLUMNS
    assert changes(event) == {"title": ("Tea", "Coffee"), "inventory": ("0", "7")}
    assert tracking.stats().extra_selects == 0


def test_a_deleted_row_is_one_event_with_all_it_was(sessions, news, product):
    with sessions.begin() as session:
        session.delete(session.get(Product, product))
    [event] = news()
    assert (event.action, event.entity_id, event.new_data) == ("delete", "1", None)
    assert event.old_data.keys() == COLUMNS
    assert event.old_data["description"] == "green"


def test_attributes_are_named_as_their_columns(sessions, news, product):
    with sessions.begin() as session:
        session.get(Product, product).sku = "t-2"
    assert changes(news()[0]) == {"sku_id": ("t-1", "t-2")}


def test_sql_expressions_are_not_recorded(sessions, news):
    with sessions.begin() as session:
        session.add(Product(title="Tea"))
    assert "shout" not in news()[0].new_data


def test_a_deferred_column_costs_one_select(sessions, news, product, tracking):
    with sessions.begin() as session:
        session.get(Product, product).title = "Coffee"
    [event] = news()
    assert event.old_data["description"] == event.new_data["description"] == "green"
    assert tracking.stats().extra_selects == 1


def test_a_value_set_after_a_commit_was_not_loaded_and_costs_one_select(sessions, news, product, tracking):
    with sessions() as session:
        held = session.get(Product, product)
        assert held.description
        session.commit()
        held.title = "Coffee"
        session.commit()
    [event] = news()
    assert changes(event) == {"title": ("Tea", "Coffee")}
    assert event.old_data.keys() == event.new_data.keys() == COLUMNS
    assert tracking.stats().extra_selects == 1


def test_the_select_does_not_load_anything_into_the_object(sessions, news, product):
    with sessions() as session:
        held = session.get(Product, product)
        held.title = "Coffee"
        session.flush()
        assert "description" in inspect(held).unloaded
        session.commit()


def test_an_expired_row_that_is_deleted_costs_one_select(sessions, news, product, tracking):
    with sessions() as session:
        held = session.get(Product, product)
        session.commit()
        session.delete(held)
        session.commit()
    assert news()[0].old_data["title"] == "Tea"
    assert tracking.stats().extra_selects <= 1


def test_a_value_computed_by_the_database_is_read_back(sessions, news, product, tracking):
    with sessions.begin() as session:
        held = session.get(Product, product)
        assert held.description
        held.title = func.upper("coffee")
        held.inventory = Product.inventory + 5
    [event] = news()
    assert changes(event) == {"title": ("Tea", "COFFEE"), "inventory": ("0", "5")}
    assert tracking.stats().extra_selects == 1


def test_a_created_value_computed_by_the_database_is_read_back(sessions, news):
    with sessions.begin() as session:
        session.add(Product(title=func.lower("TEA")))
    assert news()[0].new_data["title"] == "tea"


def test_a_computed_column_is_recorded_as_it_becomes(sessions, news):
    with sessions.begin() as session:
        session.add(Invoice(id=1, net=2))
    assert news()[0].new_data == {"id": 1, "net": 2, "gross": 4, "writes": 1}
    with sessions() as session:
        held = session.get(Invoice, 1)
        session.commit()
        held.net = 5
        session.commit()
    [event] = news()
    assert event.old_data == {"id": 1, "net": 2, "gross": 4, "writes": 1}
    assert event.new_data == {"id": 1, "net": 5, "gross": 10, "writes": 5}


def test_what_a_listener_of_the_service_sets_is_recorded(sessions, news, product):
    def touch(_mapper, _connection, target):
        target.inventory = 99

    listen(Product, "before_update", touch)
    try:
        with sessions.begin() as session:
            held = session.get(Product, product)
            held.tags.append(Tag(id=1, name="a"))
    finally:
        remove(Product, "before_update", touch)
    [update] = [event for event in news() if event.action == "update"]
    assert changes(update) == {"inventory": ("0", "99")}


def test_where_the_select_fails_the_event_tells_what_is_known(sessions, news, product, tracking, monkeypatch):
    def fail(*_):
        raise OperationalError("SELECT", {}, Exception("no"))

    monkeypatch.setattr("byline.integrations.sqlalchemy.plan.Plan.fetch", fail)
    with sessions.begin() as session:
        session.get(Product, product).title = "Coffee"
    [event] = news()
    assert changes(event) == {"title": ("Tea", "Coffee")}
    assert "description" not in event.old_data
    assert tracking.stats().errors > 0


def test_setting_an_equal_value_is_no_change(sessions, news, product):
    with sessions.begin() as session:
        held = session.get(Product, product)
        held.title, held.price, held.inventory = "Tea", Decimal("2.5"), 0
    assert news() == []


def test_an_equal_value_beside_a_change_is_no_change(sessions, news, product):
    with sessions.begin() as session:
        held = session.get(Product, product)
        held.title, held.price = "Coffee", Decimal("2.5")
    assert changes(news()[0]) == {"title": ("Tea", "Coffee")}


def test_a_json_value_changed_in_place_shows_what_it_was(sessions, news, product):
    with sessions.begin() as session:
        held = session.get(Product, product)
        held.settings["b"] = 2
    assert changes(news()[0]) == {"settings.b": ("1", "2")}


def test_a_json_value_changed_after_the_flush_is_recorded_as_it_was_written(sessions, news, product):
    with sessions() as session:
        held = session.get(Product, product)
        written = held.extra = {"a": 2}
        session.flush()
        written["a"] = 3
        session.commit()
    assert changes(news()[0]) == {"extra.a": ("1", "2")}


def test_enums_and_times_and_exact_numbers(sessions, news, product):
    with sessions.begin() as session:
        held = session.get(Product, product)
        held.status, held.price = Status.LIVE, Decimal("0.10")
        held.updated_at = datetime.fromisoformat("2026-01-02T03:04:05")
    found = changes(news()[0])
    assert found["status"] == ("draft", "live")
    assert found["price"] == ("2.50", "0.10")
    assert found["updated_at"][1].startswith("2026-01-02T03:04:05")


def test_a_child_whose_parent_goes_loses_its_foreign_key_with_old_and_new(sessions, news, tracking):
    with sessions.begin() as session:
        session.add(Warehouse(id=1, city="Kiel", shelves=[Shelf(id=1, label="A"), Shelf(id=2, label="B")]))
    news()
    with sessions.begin() as session:
        session.delete(session.get(Warehouse, 1))
    events = {(event.action, event.table_id, event.entity_id): changes(event) for event in news()}
    assert events.keys() == {("delete", "warehouses", "1"), ("update", "shelves", "1"), ("update", "shelves", "2")}
    assert events["update", "shelves", "1"] == {"warehouse_id": ("1", "null")}


def test_a_child_that_was_not_loaded_loses_its_foreign_key_with_old_and_new(sessions, news):
    with sessions() as session:
        shelf = Shelf(id=1, label="A")
        session.add(Warehouse(id=1, city="Kiel", shelves=[shelf]))
        session.commit()
        news()
        session.expire(shelf)
        session.delete(session.get(Warehouse, 1))
        session.commit()
    update = next(event for event in news() if event.action == "update")
    assert changes(update) == {"warehouse_id": ("1", "null")}
    assert update.old_data["label"] == "A"


def test_orphans_and_cascades_are_deletes_of_their_own(sessions, news):
    with sessions.begin() as session:
        session.add(Product(id=5, title="Tea", reviews=[Review(id=1, stars=5), Review(id=2, stars=1)]))
    news()
    with sessions.begin() as session:
        held = session.get(Product, 5)
        held.reviews.remove(session.get(Review, 2))
    assert [(event.action, event.table_id, event.entity_id) for event in news()] == [("delete", "reviews", "2")]
    with sessions.begin() as session:
        session.delete(session.get(Product, 5))
    assert {(event.action, event.table_id, event.entity_id) for event in news()} == {
        ("delete", "reviews", "1"),
        ("delete", "products", "5"),
    }


def test_merge_of_a_detached_object_tells_old_and_new(sessions, news, product):
    detached = Product(id=product, title="Coffee")
    with sessions.begin() as session:
        session.merge(detached)
    assert changes(news()[0]) == {"title": ("Tea", "Coffee")}


def test_a_time_is_utc_in_the_event(sessions, news):
    before = datetime.now(UTC)
    with sessions.begin() as session:
        session.add(Product(title="Tea"))
    assert before <= news()[0].request_info.time_stamp <= datetime.now(UTC)
