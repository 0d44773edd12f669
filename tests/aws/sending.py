"""What a service sends, and under which key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


def event(table: str, entity: Any = 1, **other: Any) -> dict[str, Any]:
    """An update of two attributes by somebody of the account ``alpha``."""
    info = {
        "time_stamp": datetime.now(UTC).isoformat(),
        "request_id": str(uuid4()),
        "user": {"account_id": "alpha", "user_id": "u1", "user_name": "Asha Rao"},
    }
    return {
        "table_id": table,
        "entity_id": entity,
        "micro_service_name": "shop",
        "action": "update",
        "old_data": {"title": "old", "inventory": 1},
        "new_data": {"title": "new", "inventory": 10},
        "request_info": info,
        **other,
    }


def key(name: str = "", service: str = "shop") -> str:
    return f"events/micro_service_name={service}/date=2026-01-05/hour=06/{name or uuid4()}.ndjson"


def table() -> str:
    """One that no other test has."""
    return f"table-{uuid4()}"
