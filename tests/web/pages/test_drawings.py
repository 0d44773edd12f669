"""Chart, ruler and lanes: what is drawn is what was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.model.gap import Gap
from byline.model.query import ChangeItem, DayActivity, EventRow
from byline.web.pages.chart import DOWN, UP, chart, day_counts
from byline.web.pages.lanes import AT_MOST, lanes
from byline.web.pages.ruler import moment_of, ruler, strips

EventMaker = Callable[..., EventRow]

TODAY = date(2026, 7, 23)


def at(second: float) -> str:
    return f"2026-07-23T14:02:{second:09.6f}Z"


def day(number: int) -> str:
    return f"2026-07-{number:02d}T00:00:00.000000Z"


def shown(text: str) -> str:
    return text[:10]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9)), max_size=30))
def test_every_day_that_has_something_shows_something_and_none_is_too_high(days: list[tuple[int, int, int]]) -> None:
    rows = [DayActivity(date(2026, 6, 24 + 0).replace(day=1).isoformat(), 0, 0, 0)]
    rows += [DayActivity(f"2026-07-{number:02d}", *counts) for number, counts in enumerate(days[:23], 1)]
    drawn = chart(rows, TODAY, 30)
    assert len(drawn.bars) == 30
    for bar, told in zip(drawn.bars[-23:], rows[1:], strict=False):
        if bar.day.isoformat() == told.date:
            assert (bar.update > 0, bar.create > 0, bar.delete > 0) == (
                told.update > 0,
                told.create > 0,
                told.delete > 0,
            )
        assert bar.top <= UP + 3
        assert bar.delete <= DOWN


def test_the_chart_sums_its_own_days_only() -> None:
    rows = [
        DayActivity("2026-07-23", 1, 2, 3),
        DayActivity("2026-07-01", 10, 20, 30),
        DayActivity("2026-01-01", 9, 9, 9),
    ]
    assert (chart(rows, TODAY, 30).created, chart(rows, TODAY, 14).created) == (11, 1)
    assert day_counts(rows)["2026-07-01"] == 60


def test_days_are_labelled_as_people_count_them() -> None:
    wide, narrow = chart([], TODAY, 30), chart([], TODAY, 14)
    assert [bar.label for bar in wide.bars[:8]] == ["24", "25", "26", "27", "28", "29", "30", "July"]
    assert (wide.bars[-1].label, narrow.bars[-1].label) == ("today", "now")
    assert wide.title == "Changes per day, 24 June to 23 July"
    assert narrow.title == "Changes per day, 10 to 23 July"


def test_events_stand_at_even_distances_and_the_moment_splits_them(event: EventMaker) -> None:
    events = [event(event_id=str(number), occurred_at=day(number)) for number in range(1, 6)]
    drawn = ruler(events, [], 3, stamp=shown, date=shown)
    assert [tick.x for tick in drawn.ticks] == ["0%", "25%", "50%", "75%", "100%"]
    assert [tick.kind for tick in drawn.ticks] == ["then"] * 4 + ["later"]
    assert (drawn.earlier, drawn.later) == (day(3), day(5))
    assert drawn.ticks[3].words == "event 4 of 5, 2026-07-04, Pavan Kumar"


def test_events_of_one_moment_are_one_stop(event: EventMaker) -> None:
    events = [
        event(event_id=name, occurred_at=day(number)) for name, number in (("a", 1), ("b", 2), ("c", 2), ("d", 3))
    ]
    assert moment_of(events, day(2)) == 2
    drawn = ruler(events, [], 2, stamp=shown, date=shown)
    assert (drawn.earlier, drawn.later) == (day(1), day(3))


@pytest.mark.parametrize(("when", "number"), [(None, 1), (day(1), 0), (day(2), 1), ("2020-01-01T00:00:00.000000Z", -1)])
def test_a_moment_shows_the_event_that_made_it(event: EventMaker, when: str | None, number: int) -> None:
    events = [event(event_id=name, occurred_at=day(number)) for name, number in (("a", 1), ("b", 2))]
    assert moment_of(events, when) == number


def test_a_single_event_has_a_ruler_too(event: EventMaker) -> None:
    drawn = ruler([event(action="create")], [], 0, stamp=shown, date=shown)
    assert (drawn.x, drawn.earlier, drawn.later, drawn.ticks[0].kind) == ("50%", None, None, "create")


def test_a_gap_is_a_stretch_between_the_events_around_it(event: EventMaker) -> None:
    events = [event(event_id=str(number), occurred_at=day(number)) for number in range(1, 6)]
    gap = Gap(table_id="t", entity_id="1", after_event_id="2", before_event_id="3", since=None, until="", changes=[])
    [stretch] = ruler(events, [gap], 4, stamp=shown, date=shown).gaps
    assert (stretch.begin, stretch.end) == ("25%", "50%")


def test_a_strip_tells_which_change_is_in_force(event: EventMaker) -> None:
    def changed(name: str, number: int) -> EventRow:
        return event(event_id=f"{number}", changes=[ChangeItem(name, "1", "2", "number", "number")])

    events = [changed("a", 1), changed("b", 2), changed("a", 3), changed("a", 4)]
    found = strips(events, 2)
    assert [stroke.kind for stroke in found["a"]] == ["before", "in_force", "later"]
    assert [stroke.kind for stroke in found["b"]] == ["in_force"]


def test_lanes_are_services_and_dots_stand_at_their_time(event: EventMaker) -> None:
    told = [("orders", 0.0), ("payments", 1.0), ("orders", 2.0)]
    events = [event(microservice_name=name, occurred_at=at(second)) for name, second in told]
    drawn = lanes(events, "14:02:00.000")
    assert drawn is not None
    assert drawn.services == ["orders", "payments"]
    assert [dot.x for dot in drawn.dots] == ["5.000%", "50.000%", "95.000%"]
    assert [dot.y for dot in drawn.dots] == [15, 45, 15]
    assert [mark.text for mark in drawn.marks] == ["14:02:00.000", "+0.5 s", "+1 s", "+1.5 s", "+2.000 s"]


@given(st.lists(st.floats(0, 50), min_size=2, max_size=AT_MOST))
def test_no_dot_hides_another_or_leaves_the_lanes(seconds: list[float]) -> None:
    from msgspec import structs

    from tests.web.conftest import AN_EVENT

    drawn = lanes([structs.replace(AN_EVENT, occurred_at=at(second)) for second in sorted(seconds)], "x")
    assert drawn is not None
    places = [float(dot.x[:-1]) for dot in drawn.dots]
    assert all(b - a > 3.59 for a, b in pairwise(places))
    assert min(places) >= 0
    assert max(places) <= 100


def test_lanes_of_one_event_or_of_very_many_are_left_out(event: EventMaker) -> None:
    assert lanes([event()], "x") is None
    assert lanes([event()] * (AT_MOST + 1), "x") is None
