"""Keys, inheritance, relationships: which entity a row is, and what belongs to it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import inspect, select

from tests.integrations.models import (
    Employee,
    Engineer,
    Node,
    OrderLine,
    Product,
    Review,
    Tag,
    Trainee,
    Truck,
    Vehicle,
)
from tests.integrations.told import keys, told

pytestmark = pytest.mark.usefixtures("tracking")


def linked(product, tag):
    """The identity of one row of the association table."""
    return json.dumps({"product_id": product, "tag_id": tag}, separators=(",", ":"))


def test_a_composite_key_is_an_object_by_column_name(sessions, news):
    with sessions.begin() as session:
        session.add(OrderLine(order_id=7, line_number=1, quantity=2))
    assert told(news()) == [
        ("create", "order_lines", '{"line":1,"order_id":7}', None, {"order_id": 7, "line": 1, "quantity": 2})
    ]


def test_a_composite_key_is_one_entity_in_every_event(sessions, news):
    with sessions.begin() as session:
        session.add(OrderLine(order_id=7, line_number=1, quantity=2))
    with sessions.begin() as session:
        session.get(OrderLine, (7, 1)).quantity = 3
    with sessions.begin() as session:
        session.delete(session.get(OrderLine, (7, 1)))
    events = news()
    assert [event.action for event in events] == ["create", "update", "delete"]
    assert len({event.entity_id for event in events}) == 1


def test_a_changed_key_is_a_delete_and_a_create(sessions, news):
    with sessions.begin() as session:
        session.add(OrderLine(order_id=7, line_number=1, quantity=2))
    news()
    with sessions.begin() as session:
        session.get(OrderLine, (7, 1)).line_number = 2
    assert told(news()) == [
        ("delete", "order_lines", '{"line":1,"order_id":7}', {"order_id": 7, "line": 1, "quantity": 2}, None),
        ("create", "order_lines", '{"line":2,"order_id":7}', None, {"order_id": 7, "line": 2, "quantity": 2}),
    ]


def test_a_key_that_another_row_takes_over_is_an_update_of_that_entity(sessions, news):
    with sessions.begin() as session:
        session.add_all(OrderLine(order_id=7, line_number=n, quantity=10 * n) for n in (1, 2))
    news()
    with sessions.begin() as session:
        first, second = session.get(OrderLine, (7, 1)), session.get(OrderLine, (7, 2))
        first.line_number = 3
        session.flush()
        second.line_number = 1
    assert {(action, entity): new and new["quantity"] for action, _, entity, _, new in told(news())} == {
        ("update", '{"line":1,"order_id":7}'): 20,
        ("delete", '{"line":2,"order_id":7}'): None,
        ("create", '{"line":3,"order_id":7}'): 10,
    }


def test_joined_inheritance_is_one_entity_of_the_base_table_with_the_columns_of_all(sessions, news):
    with sessions.begin() as session:
        session.add(Engineer(id=1, name="Ada", language="C"))
    with sessions.begin() as session:
        held = session.scalars(select(Employee)).one()
        held.name, held.language = "Ada L.", "Python"
    create, update = told(news())
    row = {"id": 1, "kind": "engineer", "name": "Ada", "language": "C"}
    assert create == ("create", "employees", "1", None, row)
    assert update == ("update", "employees", "1", row, row | {"name": "Ada L.", "language": "Python"})


def test_a_column_of_a_joined_table_that_was_not_loaded_is_read(sessions, news, tracking):
    with sessions.begin() as session:
        session.add(Engineer(id=1, name="Ada", language="C"))
    news()
    with sessions() as session:
        held = session.get(Engineer, 1)
        session.commit()
        held.name = "Ada L."
        session.commit()
    [(_, _, _, old, new)] = told(news())
    assert (old["language"], new["language"]) == ("C", "C")
    assert tracking.stats().extra_selects == 1


def test_single_table_inheritance_has_the_columns_of_its_class(sessions, news):
    with sessions.begin() as session:
        session.add(Trainee(id=2, name="Bob", school="MIT"))
    row = {"id": 2, "kind": "trainee", "name": "Bob", "school": "MIT"}
    assert told(news()) == [("create", "employees", "2", None, row)]


def test_an_entity_that_comes_back_as_another_class_is_an_update(sessions, news):
    with sessions.begin() as session:
        session.add(Trainee(id=3, name="Bob", school="MIT"))
    news()
    with sessions.begin() as session:
        session.delete(session.get(Trainee, 3))
        session.flush()
        session.add(Engineer(id=3, name="Bob", language="C"))
    [(action, _, entity, old, new)] = told(news())
    assert (action, entity) == ("update", "3")
    assert old == {"id": 3, "kind": "trainee", "name": "Bob", "school": "MIT"}
    assert new == {"id": 3, "kind": "engineer", "name": "Bob", "language": "C"}


def test_concrete_inheritance_is_an_entity_of_its_own_table(sessions, news):
    with sessions.begin() as session:
        session.add_all([Vehicle(id=1, plate="A"), Truck(id=1, plate="B", axles=3)])
    assert sorted(told(news())) == [
        ("create", "trucks", "1", None, {"id": 1, "plate": "B", "axles": 3}),
        ("create", "vehicles", "1", None, {"id": 1, "plate": "A"}),
    ]


def test_a_foreign_key_written_afterwards_is_in_the_create(sessions, news):
    with sessions.begin() as session:
        parent = Node(id=1)
        child = Node(id=2, parent=parent)
        session.add_all([parent, child])
        session.flush()
        parent.favourite = child
    rows = {entity: new for _, _, entity, _, new in told(news())}
    assert rows["1"] == {"id": 1, "parent_id": None, "favourite_id": 2}
    assert rows["2"] == {"id": 2, "parent_id": 1, "favourite_id": None}


def test_a_foreign_key_written_afterwards_in_the_same_flush_is_in_the_create(sessions, news):
    with sessions.begin() as session:
        parent = Node(id=1)
        parent.favourite = Node(id=2, parent=parent)
        session.add(parent)
    rows = {entity: new for _, _, entity, _, new in told(news())}
    assert rows["1"]["favourite_id"] == 2


def test_a_foreign_key_written_afterwards_alone_is_an_update(sessions, news):
    with sessions.begin() as session:
        parent = Node(id=1)
        session.add_all([parent, Node(id=2, parent=parent)])
    news()
    with sessions.begin() as session:
        session.get(Node, 1).favourite = session.get(Node, 2)
    before = {"id": 1, "parent_id": None, "favourite_id": None}
    assert told(news()) == [("update", "nodes", "1", before, before | {"favourite_id": 2})]


def test_a_new_parent_is_an_update_of_the_child_alone(sessions, news):
    with sessions.begin() as session:
        session.add_all(
            [Product(id=1, title="Tea"), Product(id=2, title="Coffee"), Review(id=1, stars=3, product_id=1)]
        )
    news()
    with sessions.begin() as session:
        session.get(Review, 1).product = session.get(Product, 2)
    before = {"id": 1, "stars": 3, "product_id": 1}
    assert told(news()) == [("update", "reviews", "1", before, before | {"product_id": 2})]


def test_many_to_many_rows_are_creates_and_deletes_of_the_association_table(sessions, news):
    with sessions.begin() as session:
        session.add(Product(id=1, title="Tea", tags=[Tag(id=1, name="a"), Tag(id=2, name="b")]))
    links = [row for row in told(news()) if row[1] == "product_tags"]
    assert sorted(links) == [
        ("create", "product_tags", linked(1, 1), None, {"product_id": 1, "tag_id": 1}),
        ("create", "product_tags", linked(1, 2), None, {"product_id": 1, "tag_id": 2}),
    ]
    with sessions.begin() as session:
        held = session.get(Product, 1)
        held.tags.remove(session.get(Tag, 1))
    assert told(news()) == [("delete", "product_tags", linked(1, 1), {"product_id": 1, "tag_id": 1}, None)]


def test_many_to_many_rows_are_seen_once_from_both_sides(sessions, news):
    with sessions.begin() as session:
        session.add_all([Product(id=1, title="Tea"), Tag(id=1, name="a")])
    news()
    with sessions.begin() as session:
        tag, held = session.get(Tag, 1), session.get(Product, 1)
        assert (list(held.tags), list(tag.products)) == ([], [])
        tag.products.append(held)
    assert told(news()) == [("create", "product_tags", linked(1, 1), None, {"product_id": 1, "tag_id": 1})]


def test_many_to_many_rows_are_seen_where_the_other_side_is_not_loaded(sessions, news, tracking):
    with sessions.begin() as session:
        session.add_all([Product(id=1, title="Tea"), Tag(id=1, name="a")])
    news()
    with sessions.begin() as session:
        tag, held = session.get(Tag, 1), session.get(Product, 1)
        tag.products.append(held)
        assert "tags" not in inspect(held).dict
    assert keys(news()) == {("create", "product_tags", linked(1, 1))}
    assert tracking.stats().extra_selects == 0


def test_an_entity_that_goes_takes_its_many_to_many_rows(sessions, news):
    with sessions.begin() as session:
        session.add(Product(id=1, title="Tea", tags=[Tag(id=1, name="a"), Tag(id=2, name="b")]))
    news()
    with sessions.begin() as session:
        session.delete(session.get(Product, 1))
    assert keys(news()) == {
        ("delete", "products", "1"),
        ("delete", "product_tags", linked(1, 1)),
        ("delete", "product_tags", linked(1, 2)),
    }


def test_a_many_to_many_row_added_and_removed_is_nothing(sessions, news):
    with sessions.begin() as session:
        held, tag = Product(id=1, title="Tea"), Tag(id=1, name="a")
        session.add_all([held, tag])
        held.tags.append(tag)
        session.flush()
        held.tags.remove(tag)
    assert keys(news()) == {("create", "products", "1"), ("create", "tags", "1")}


def test_many_to_many_rows_respect_savepoints(sessions, news):
    with sessions.begin() as session:
        session.add_all([Product(id=1, title="Tea"), Tag(id=1, name="a"), Tag(id=2, name="b")])
    news()
    with sessions.begin() as session:
        held = session.get(Product, 1)
        held.tags.append(session.get(Tag, 1))
        savepoint = session.begin_nested()
        held.tags.append(session.get(Tag, 2))
        session.flush()
        savepoint.rollback()
    assert keys(news()) == {("create", "product_tags", linked(1, 1))}
