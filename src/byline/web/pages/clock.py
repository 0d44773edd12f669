"""Times as a reader tells them: in the reader's zone, which a cookie of the page's script names. Absolute always."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from starlette.requests import Request

ZONE_COOKIE: Final = "byline_zone"

_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_SHORT: Final = ("Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Clock(Struct, frozen=True):
    """The moment a page is made, and the zone it is told in."""

    now: datetime
    zone: tzinfo
    name: str
    """The zone's name (IANA); ``UTC`` where none is known."""

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def is_utc(self) -> bool:
        return self.zone is UTC

    def local(self, at: str | datetime) -> datetime:
        """A moment in the reader's zone. The first and last hours of the calendar stay in UTC."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        try:
            return moment.astimezone(self.zone)
        except OverflowError:
            return moment

    def day(self, at: str | datetime) -> str:
        """``2026-07-23``."""
        return self.local(at).date().isoformat()

    def time(self, at: str | datetime) -> str:
        """``14:20:31``."""
        return f"{self.local(at):%H:%M:%S}"

    def precise(self, at: str | datetime) -> str:
        """``14:02:11.204``; cut, never rounded up."""
        moment = self.local(at)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"

    def heading(self, day: str) -> str:
        """A day in words: ``Thursday, 23 July``; with its year where that is not this one."""
        told = date.fromisoformat(day)
        year = "" if told.year == self.today.year else f" {told.year}"
        return f"{_WEEKDAYS[told.weekday()]}, {told.day} {_MONTHS[told.month - 1]}{year}"

    def full_day(self, at: str | datetime) -> str:
        """``Thursday, 16 July 2026``."""
        told = self.local(at)
        return f"{_WEEKDAYS[told.weekday()]}, {told.day} {_MONTHS[told.month - 1]} {told.year}"

    def moment(self, at: str | datetime) -> str:
        """``Thursday, 16 July 2026, 09:12:44``."""
        return f"{self.full_day(at)}, {self.time(at)}"

    def short(self, at: str | datetime) -> str:
        """``19 May``; ``24 July 2024`` where that is not this year."""
        told = self.local(at)
        return short_date(told.date(), self.today.year)

    def stamp(self, at: str | datetime) -> str:
        """``Today, 14:20:31``; ``16 July, 09:12:44``; ``1 Dec 2025, 00:05:00``."""
        day = "Today" if self.local(at).date() == self.today else self.short(at)
        return f"{day}, {self.time(at)}"

    def minute(self, at: str | datetime) -> str:
        """``today at 13:40``; ``22 July at 19:02``."""
        told = self.local(at)
        day = "today" if told.date() == self.today else self.short(at)
        return f"{day} at {told:%H:%M}"

    def told(self) -> str:
        """``Your time: Berlin, UTC+2``."""
        if self.is_utc:
            return "Times in UTC"
        offset = self.now.astimezone(self.zone).utcoffset() or timedelta()
        return f"Your time: {self.name.rpartition('/')[2].replace('_', ' ')}, {_offset(offset)}"

    def day_begins(self, day: date) -> datetime:
        """Its first moment in the reader's zone, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def short_date(day: date, this_year: int) -> str:
    """``19 May``; ``24 July 2024``, ``14 Sept 2025`` where that is not this year."""
    if day.year == this_year:
        return f"{day.day} {_MONTHS[day.month - 1]}"
    return f"{day.day} {_SHORT[day.month - 1]} {day.year}"


def month(number: int) -> str:
    """``July`` of 7, short where long."""
    return _SHORT[number - 1]


def utc(at: str) -> str:
    """A moment as it is stored, for the hover: ``2026-07-23 12:20:31.047000 UTC``."""
    return at.replace("T", " ").replace("Z", " UTC")


def clock(request: Request) -> Clock:
    """The clock of whoever reads."""
    name = request.cookies.get(ZONE_COOKIE, "")
    zone = _zone(name) if _ZONE.fullmatch(name) else None
    return Clock(datetime.now(UTC), zone or UTC, name if zone else "UTC")


@lru_cache(maxsize=600)
def _zone(name: str) -> tzinfo | None:
    """``None`` for one that is not known here; a machine without the tables of zones tells times in UTC."""
    if name in ("UTC", "Etc/UTC"):
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "\N{MINUS SIGN}" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
