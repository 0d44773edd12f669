"""Months of a MySQL history: each a partition, whose border is the first event id of the next month.

An event's id begins with its milliseconds since 1970, in 6 bytes (RFC 9562, UUIDv7; ours for others begin the same
way).
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import Connection, text

PARTITIONED = ("events", "changes", "attribute_moments", "value_moments")
LATER = "later"
"""The last partition, which takes what no month has been made for."""

_EXISTING = text(
    "SELECT partition_name FROM information_schema.partitions "
    "WHERE table_schema = DATABASE() AND table_name = :table AND partition_name IS NOT NULL"
)


def prepare(connection: Connection, today: date, months_ahead: int) -> int:
    """Make the partitions of this month and of so many after it; says how many were made. Those that are there stay."""
    made = 0
    for table in PARTITIONED:
        existing = set(connection.scalars(_EXISTING, {"table": table}))
        wanted = [month for month in _months(today, months_ahead) if _name(month) not in existing]
        newest = max(existing - {LATER}, default="")
        wanted = [month for month in wanted if _name(month) > newest]
        if wanted:
            parts = [f"PARTITION {_name(month)} VALUES LESS THAN ({_first_id(_next(month))})" for month in wanted]
            if not newest:
                parts.insert(0, f"PARTITION p000000 VALUES LESS THAN ({_first_id(wanted[0])})")
            parts.append(f"PARTITION {LATER} VALUES LESS THAN (MAXVALUE)")
            connection.exec_driver_sql(f"ALTER TABLE {table} REORGANIZE PARTITION {LATER} INTO ({', '.join(parts)})")
        made += len(wanted)
    return made


def _months(today: date, ahead: int) -> list[date]:
    months = [today.replace(day=1)]
    for _ in range(ahead):
        months.append(_next(months[-1]))
    return months


def _next(month: date) -> date:
    return month.replace(year=month.year + 1, month=1) if month.month == 12 else month.replace(month=month.month + 1)


def _name(month: date) -> str:
    return f"p{month:%Y%m}"


def _first_id(month: date) -> str:
    milliseconds = int(datetime(month.year, month.month, 1, tzinfo=UTC).timestamp()) * 1000
    return f"x'{milliseconds.to_bytes(6, 'big').hex()}{'00' * 10}'"
