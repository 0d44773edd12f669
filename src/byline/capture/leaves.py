"""Values without parts: what stands in their place in JSON. None of these raises."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from byline.model.event import Json

_LONG_INTEGER: Final = 2000
"""Bits. Shorter than the least limit that a process may set for turning integers into text (640 digits)."""
_MINUTE: Final = timedelta(minutes=1)


def _float(value: float) -> float | str:
    if value - value == 0.0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - what NaN is known by


def _decimal(value: Decimal) -> Decimal | str:
    return value if value.is_finite() else str(value)


def _integer(value: int) -> int | Decimal:
    return value if value.bit_length() < _LONG_INTEGER else Decimal(value)


def _datetime(value: datetime) -> Json:
    return value if value.tzinfo is None or value.tzinfo is UTC else _zoned(value)


def _zoned(value: datetime | time) -> Json:
    """With a zone, which may be code of the service's own."""
    try:
        offset = value.utcoffset()
        # RFC 3339 knows no seconds in an offset, and rounding them would be another moment.
        return value if offset is None or not offset % _MINUTE else value.isoformat()
    except Exception:  # noqa: BLE001 - that code may raise whatever it likes
        return f"{value.replace(tzinfo=None).isoformat()} (in a time zone that cannot be read)"


def _bytes(value: Any) -> str:
    return "base64:" + b64encode(bytes(value)).decode()


def _made(kind: str, value: Any, *parts: str, **more: int) -> Any:
    return _PLAIN[kind](*(getattr(value, part) for part in parts), **more)


_PLAIN: Final[dict[str, Callable[..., Any]]] = {
    "datetime": datetime,
    "date": date,
    "time": time,
    "timedelta": timedelta,
}
"""Kept in a dictionary: what stops the clock in tests puts classes of its own under the names of a module."""
DATETIME: Final = (datetime,)
"""The class itself, for ``isinstance``; for the same reason."""

_DATE: Final = ("year", "month", "day")
_TIME: Final = ("hour", "minute", "second", "microsecond", "tzinfo")

CONVERT: Final[dict[type, Callable[[Any], Json]]] = {
    float: _float,
    Decimal: _decimal,
    datetime: _datetime,
    time: _zoned,
    int: _integer,
    bytes: _bytes,
    bytearray: _bytes,
}
"""For exactly these types."""

BASES: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal, Decimal),
    (datetime, lambda v: _made("datetime", v, *_DATE, *_TIME, fold=v.fold)),
    (date, lambda v: _made("date", v, *_DATE)),
    (time, lambda v: _made("time", v, *_TIME, fold=v.fold)),
    (timedelta, lambda v: _made("timedelta", v, "days", "seconds", "microseconds")),
    (UUID, lambda v: UUID(int=v.int)),
    (bytes, _bytes),
    (bytearray, _bytes),
    (memoryview, _bytes),
)
"""For subclasses: the plain value inside. In this order, since a datetime is a date, too."""
