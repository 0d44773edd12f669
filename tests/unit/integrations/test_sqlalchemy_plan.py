"""How the rows of one flush are compared, without any database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import JSON
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from byline.integrations.sqlalchemy.options import Options
from byline.integrations.sqlalchemy.plan import Plan


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class Hostile:
    """Equal to nothing, and not even that in peace."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("no")


@pytest.fixture
def plan():
    return Plan(sqlalchemy.inspect(Thing), Options(None, None, None, None, None))


def test_rows_that_are_equal_become_one(plan):
    old, new = plan.settle((1, "a", {"b": 1}), (1.0, "a", {"b": 1.0}))
    assert old is new


def test_what_is_equal_beside_a_change_stays_what_it_was(plan):
    old, new = plan.settle((1, "a", {"b": 1}), (1.0, "x", {"b": 1}))
    assert (old, new) == ((1, "a", {"b": 1}), (1, "x", {"b": 1}))
    assert type(new[0]) is int


def test_a_comparison_that_fails_says_that_something_changed(plan):
    hostile = Hostile()
    old, new = plan.settle((1, "a", {}), (1, hostile, {}))
    assert new is not old
    assert new[1] is hostile


def test_what_the_service_could_still_change_is_copied(plan):
    body = {"b": [1]}
    old, new = plan.settle((1, "a", body), (1, "x", body))
    body["b"].append(2)
    assert old[2] == new[2] == {"b": [1]}


def test_a_json_null_is_null(plan):
    assert plan.settle(None, (1, "a", JSON.NULL))[1] == (1, "a", None)


def test_what_cannot_be_copied_is_taken_as_it_is(plan):
    class Stubborn:
        def __deepcopy__(self, memo):
            raise RuntimeError("no")

    stubborn = Stubborn()
    assert plan.settle(None, (1, "a", stubborn))[1][2] is stubborn


def test_tables_and_columns_go_by_plain_text(plan):
    """SQLAlchemy's own class of text would be looked into at every event."""
    assert {type(name) for name in (plan.table_id, *plan.names)} == {str}


def test_only_what_can_change_in_place_is_copied():
    class Fixed(Base):
        __tablename__ = "fixed"

        id: Mapped[int] = mapped_column(primary_key=True)
        number: Mapped[float]
        price: Mapped[Decimal]
        day: Mapped[date]

    row = (1, 0.5, Decimal("1.5"), date(2026, 1, 2))
    kept, _ = Plan(sqlalchemy.inspect(Fixed), Options(None, None, None, None, None)).settle(row, None)
    assert kept is row
