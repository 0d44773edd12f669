"""Events as services write them, for tests that lay them into the bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.processor.conftest import Road

START = datetime(2024, 1, 1, tzinfo=UTC)


def moment(second: float) -> str:
    return (START + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


def wrote(second: float, action: str, old: Any, new: Any, **said: Any) -> dict[str, Any]:
    """An event of entity ``t 1`` at that second; ``request`` and ``user`` are of its request."""
    info = {
        "time_stamp": moment(second),
        "request_id": said.pop("request", f"r{second}"),
        "user": {"user_id": said.pop("user", "ann")},
    }
    event = {"table_id": "t", "entity_id": "1", "micro_service_name": "s", "action": action, "request_info": info}
    return {**event, "old_data": old, "new_data": new, **said}


def update(second: float, old: Any, new: Any, **said: Any) -> dict[str, Any]:
    return wrote(second, "update", old, new, **said)


def take(road: Road, *events: dict[str, Any] | bytes, key: str = "events/a.ndjson") -> None:
    """Lay them into the bucket as one object, and process it."""
    road.bucket.put(key, b"\n".join(lines(events)))
    road.processor.run()


def lines(events: Iterable[dict[str, Any] | bytes]) -> Iterable[bytes]:
    return (event.strip() if isinstance(event, bytes) else json.dumps(event).encode() for event in events)
