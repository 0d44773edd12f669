"""The time stamp of an event: RFC 3339, any offset → UTC, microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec

RFC_3339: Final = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
"""The form as a regular expression, also for other engines; the calendar is checked apart."""
_FULL = re.compile(RFC_3339)
_MICROSECONDS_AND_Z: Final = len("2020-07-29T19:45:00.047000Z")
_LAST_MICROSECOND: Final = timedelta(microseconds=999_999)
_LEAP: Final = 60


def parse_time(text: str) -> datetime:
    """The moment, aware, in UTC. Raises ``ValueError`` where ``text`` is not RFC 3339 or no such moment is.

    Digits beyond microseconds are cut, never rounded. Without a zone the time is UTC. A blank may stand for the ``T``
    (§5.6). A leap second (``23:59:60`` in UTC, on any day: the list of them is not ours to keep) becomes the last
    microsecond before it.
    """
    if len(text) <= _MICROSECONDS_AND_Z and text[-1:] == "Z":  # msgspec rounds, where there are more digits
        try:
            return msgspec.convert(text, datetime)
        except msgspec.ValidationError:
            pass
    return _parsed(text)


def _parsed(text: str) -> datetime:
    found = _FULL.fullmatch(text)
    if found is None:
        raise ValueError("not an RFC 3339 date and time")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, zone = found.group(7, 8)
    leap = second == _LEAP
    micros = int((fraction or "")[:6].ljust(6, "0"))
    moment = datetime(year, month, day, hour, minute, second - leap, micros, tzinfo=_offset(zone))
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside of the years 1 to 9999 in UTC") from None
    return _before_leap(moment) if leap else moment


def _offset(zone: str | None) -> timezone:
    if zone is None or zone in "Zz":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)


def _before_leap(moment: datetime) -> datetime:
    if (moment.hour, moment.minute) != (23, 59):
        raise ValueError("a second 60 that is no leap second")
    return moment.replace(microsecond=0) + _LAST_MICROSECOND
