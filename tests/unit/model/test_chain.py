from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from byline.model.chain import breaks, settled
from byline.model.query import Link, ObjectRef

START = datetime(2024, 1, 1, tzinfo=UTC)


def link(second: float, before: int | None, after: int | None, name: str = "") -> Link:
    return Link(
        event_id=name or f"{second} {before} {after}",
        occurred_at=START + timedelta(seconds=second),
        action="update",
        one_sided=False,
        before=None if before is None else bytes([before % 256, before // 256]),
        after=None if after is None else bytes([after % 256, after // 256]),
        table_id="t",
        entity_id="1",
        account_id=None,
        object=ObjectRef("k", 1),
        sha256="",
    )


@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_whatever_order_a_chain_of_one_moment_comes_in_it_is_put_together(states: list[int], random: Random) -> None:
    steps = [link(0, before, after, str(place)) for place, (before, after) in enumerate(pairwise(states))]
    random.shuffle(steps)
    first = link(-60, 9, states[0])
    assert breaks(settled([first, *steps])) == []


def test_a_crowd_of_one_moment_is_put_together_step_by_step() -> None:
    steps = [link(0, number, number + 1) for number in range(900)]
    Random(3).shuffle(steps)
    assert breaks(settled([link(-60, 5, 0), *steps])) == []


def test_what_meets_as_it_came_stays_as_it_came() -> None:
    links = [link(number, number % 2, (number + 1) % 2) for number in range(50)]
    assert settled(links) == links


def test_no_event_moves_by_more_than_five_seconds() -> None:
    links = [link(-60, 0, 1), link(0, 1, 2), link(1, 3, 4), link(4, 7, 7), link(6.5, 2, 3)]
    assert settled(links) == links
    near = [*links[:4], link(5.9, 2, 3)]
    assert settled(near) == [*near[:2], near[4], *near[2:4]]


def test_an_order_without_a_way_through_stays_as_good_as_it_came() -> None:
    links = [link(0, 1, 2), link(0, 5, 6), link(0, 9, 8), link(0, 3, 4), link(0, 11, 7)]
    assert len(breaks(settled(links))) == 4


def test_of_two_orders_the_one_from_which_the_next_event_goes_on_is_right() -> None:
    order = settled([link(0, 1, 2), link(0, 2, 1), link(0, 2, 2), link(60, 2, 3)])
    assert breaks(order) == []


def test_stamps_stay_in_order_where_another_order_explains_no_more() -> None:
    given_order = [link(0, 1, 2), link(2, 3, 1), link(60, 1, 1)]
    assert settled(given_order) == given_order
