"""Sample events, and all that a history says, for comparison."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from byline.history.sqlite import SqliteHistory
from byline.model.query import Query
from byline.queue.port import Queue

WORKED_EXAMPLE = {
    "event_id": "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11",
    "table_id": "products_master",
    "entity_id": "1",
    "micro_service_name": "product_management",
    "action": "update",
    "old_data": {"_id": 1, "title": "Redmi note 9 max | 6gb Ram | 128gb Storage", "sku_id": "sku_1", "inventory": 1},
    "new_data": {"_id": 1, "title": "Redmi note 9 max | 4gb Ram | 128gb Storage", "sku_id": "sku_1", "inventory": 10},
    "request_info": {
        "time_stamp": "2020-07-29T19:45:00.047Z",
        "ip_address": "203.109.108.86",
        "request_id": "a20e389c-134b-40e7-9827-1c94eb895412",
        "user": {
            "account_id": "eb257dff-dddb-482d-afb0-5934ace42c13",
            "user_id": "206483f8-f11e-4ee8-87df-962b6f92d610",
            "email": "pavan@eunimart.com",
            "user_name": "Pavan Kumar",
        },
        "miscellaneous": {
            "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/84.0.4147.89 Safari/537.36"
        },
    },
}
"""The event of DESIGN §3."""


def event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """An update of the product ``number % 50``; ``fields`` replace whole fields of the envelope."""
    minute, second = divmod(number, 60)
    return {
        "event_id": f"sample-{number}",
        "table_id": "products",
        "entity_id": str(number % 50),
        "micro_service_name": "catalogue",
        "action": "update",
        "old_data": {"price": number, "stock": 1, "note": None},
        "new_data": {"price": number + 1, "stock": 1, "note": f"n{number}"},
        "request_info": {
            "time_stamp": f"2024-02-03T{4 + minute // 60:02d}:{minute % 60:02d}:{second:02d}.{number % 1000:03d}Z",
            "request_id": f"request-{number // 3}",
            "user": {"account_id": f"a{number % 2}", "user_id": f"u{number % 5}"},
        },
        **fields,
    }


def line(number: int = 0, **fields: Any) -> bytes:
    return json.dumps(event(number, **fields)).encode()


def lines(numbers: range) -> bytes:
    return b"".join(line(number) + b"\n" for number in numbers)


def everything(data: Path) -> dict[str, Any]:
    """All that the history in this data folder says, apart from surrogate keys, arrival numbers, and their order."""
    history = SqliteHistory(data / "history.db")
    try:
        letters = [
            msgspec.to_builtins(history.dead_letters.get(one.id)) for one in history.dead_letters.list(dismissed=True)
        ]
        events = sorted(map(msgspec.json.encode, _events(history)))
    finally:
        history.close()
    with closing(sqlite3.connect(data / "history.db")) as database:
        rows = database.execute("SELECT * FROM change_history").fetchall()
        objects = database.execute("SELECT object_key, size, written_at, arrival IS NOT NULL FROM objects").fetchall()
    return {
        "events": events,
        "rows": sorted(rows, key=repr),
        "objects": sorted(objects),
        "dead letters": sorted(letters, key=lambda letter: letter["id"]),
    }


def _events(history: SqliteHistory) -> Any:
    after = None
    while True:
        page = history.reader.events(Query(limit=200, after=after))
        yield from page.rows
        after = page.next
        if after is None:
            return


def kill_deliveries(queue: Queue, times: int) -> None:
    """Receive everything so often that the queue gives it up."""
    for _ in range(times):
        queue.release(queue.receive(1_000))
