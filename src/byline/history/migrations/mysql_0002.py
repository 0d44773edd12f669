"""Migration 0002 for MySQL: events a day, and indexes that MariaDB reads in order. A statement that has run may run
again."""

from __future__ import annotations

from collections.abc import Iterator

_OPTIONS = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

_TABLE = f"""
CREATE TABLE IF NOT EXISTS daily_activity (
    account_no INT UNSIGNED NOT NULL,
    day INT NOT NULL,
    table_no INT UNSIGNED NOT NULL,
    service_no INT UNSIGNED NOT NULL,
    action SMALLINT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (account_no, day, table_no, service_no, action)
) {_OPTIONS}
"""

_OF_A_DAY = 86_400_000_000
_DAY = f"(e.occurred_at - (e.occurred_at % {_OF_A_DAY} + {_OF_A_DAY}) % {_OF_A_DAY}) DIV {_OF_A_DAY}"


def _fill(account: str, where: str) -> str:
    return f"""
        INSERT INTO daily_activity (account_no, day, table_no, service_no, action, events)
        SELECT {account} AS account_no, {_DAY} AS day, n.table_no, o.service_no, e.action, COUNT(*)
        FROM events AS e
        JOIN entities AS n ON n.entity_no = e.entity_no
        JOIN origins AS o ON o.origin_no = e.origin_no
        {where}
        GROUP BY 1, 2, 3, 4, 5
    """  # noqa: S608 - every part of it stands in this file


# Naming the key that every index ends with anyway costs no byte, and across partitions MariaDB sorts all that an index
# yields where it is not named.
_INDEXES = {
    "events_by_time": "occurred_at",
    "events_by_entity": "entity_no, occurred_at",
    "events_by_account": "account_no, occurred_at",
    "events_by_actor": "actor_no, occurred_at",
    "events_by_request": "request_mark, occurred_at",
}


def _reindex() -> str:
    changes = (f"DROP KEY {name}, ADD KEY {name} ({columns}, event_key)" for name, columns in _INDEXES.items())
    return f"ALTER TABLE events {', '.join(changes)}"


def statements() -> Iterator[str]:
    """All of it, in order. The lock on the epoch waits for writers that are in the middle of a batch."""
    yield _reindex()
    yield _TABLE
    yield "SELECT value FROM counters WHERE name = 'epoch' FOR UPDATE"
    yield "DELETE FROM daily_activity"
    yield _fill("0", "")
    yield _fill("e.account_no", "WHERE e.account_no IS NOT NULL")
