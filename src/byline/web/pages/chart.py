"""The chart: one bar a day. Updates, creates on top, deletes below the line on a scale of their own. Pure.

Heights are whole pixels, so that a bar ends where the eye says; every day that has something shows something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from msgspec import Struct

from byline.model.query import DayActivity
from byline.web.pages.clock import month, short_date
from byline.web.sentence import counted

WIDE: Final = 30
NARROW: Final = 14
UP: Final = 72
"""Pixels of the highest day, above the line."""
DOWN: Final = 16
GAP: Final = 1


class Bar(Struct, frozen=True, kw_only=True):
    """A day: how high its three parts are, in pixels, and what they count."""

    day: date
    label: str
    words: str
    """For a screen reader."""
    update: int
    create: int
    delete: int
    total: int
    highest: bool
    weekend: bool
    today: bool

    @property
    def begins(self) -> str:
        return f"{self.day.isoformat()}T00:00:00Z"

    @property
    def ends(self) -> str:
        return f"{(self.day + timedelta(days=1)).isoformat()}T00:00:00Z"

    @property
    def top(self) -> int:
        """Pixels that the bar stands above the line."""
        return self.update + self.create + (GAP if self.update and self.create else 0)


class Chart(Struct, frozen=True, kw_only=True):
    """Days of activity, oldest first, and their sums."""

    title: str
    since: str
    """The first day's first moment, RFC 3339."""
    bars: list[Bar]
    created: int
    changed: int
    deleted: int


def chart(days: Sequence[DayActivity], today: date, length: int) -> Chart:
    """The ``length`` days up to ``today``, in UTC as the rollup has them."""
    by_day = {activity.date: activity for activity in days}
    span = [today - timedelta(days=back) for back in range(length - 1, -1, -1)]
    told = {day: by_day.get(day.isoformat(), DayActivity(day.isoformat(), 0, 0, 0)) for day in span}
    highest = max((_up(activity) for activity in told.values()), default=0)
    lowest = max((activity.delete for activity in told.values()), default=0)
    first_highest = next((day for day, activity in told.items() if _up(activity) == highest and highest), None)
    return Chart(
        title=f"Changes per day, {_span(span[0], today)}",
        since=f"{span[0].isoformat()}T00:00:00Z",
        bars=[
            _bar(day, activity, today, scale=(highest, lowest), highest=day == first_highest, narrow=length < WIDE)
            for day, activity in told.items()
        ],
        created=sum(activity.create for activity in told.values()),
        changed=sum(activity.update for activity in told.values()),
        deleted=sum(activity.delete for activity in told.values()),
    )


def day_counts(days: Sequence[DayActivity]) -> Mapping[str, int]:
    """How many events each day had."""
    return {activity.date: _up(activity) + activity.delete for activity in days}


def _up(activity: DayActivity) -> int:
    return activity.create + activity.update


def _bar(day: date, activity: DayActivity, today: date, *, scale: tuple[int, int], highest: bool, narrow: bool) -> Bar:
    up, down = scale
    told = f"{counted(activity.update, 'change', 'changes')}, {activity.create:,} created, {activity.delete:,} deleted"
    return Bar(
        day=day,
        label=_label(day, today, narrow=narrow),
        words=f"{day.day} {month(day.month)}: {told}",
        update=_height(activity.update, up, UP),
        create=_height(activity.create, up, UP),
        delete=_height(activity.delete, down, DOWN),
        total=_up(activity),
        highest=highest,
        weekend=day.weekday() >= 5,
        today=day == today,
    )


def _height(count: int, of: int, pixels: int) -> int:
    return max(2, count * pixels // of) if count else 0


def _label(day: date, today: date, *, narrow: bool) -> str:
    if day == today:
        return "now" if narrow else "today"
    return month(day.month) if day.day == 1 else str(day.day)


def _span(first: date, last: date) -> str:
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {short_date(last, last.year)}"
    return f"{short_date(first, last.year)} to {short_date(last, last.year)}"
