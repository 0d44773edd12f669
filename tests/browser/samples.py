"""Events in the wire format, of a few people with their browsers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

Row = dict[str, Any]

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15"
)
FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
PIXEL = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36"
)

ACCOUNT = "eunimart"
PEOPLE: dict[str, tuple[str, str, str]] = {
    "Pavan Kumar": ("206483f8-f11e-4ee8-87df-962b6f92d610", "203.109.108.86", CHROME),
    "Lena Fischer": ("5d6c2c33-4c33-4e39-9d0c-1a3c0b1c7a10", "92.208.14.77", SAFARI),
    "Amara Okafor": ("a3f1c2d4-0b7e-4c55-8f51-21c4a8ce9911", "81.2.69.160", FIREFOX),
    "Tomás Rivera": ("7b1d2e90-5f0a-4a41-9a57-8a9be2d0f3aa", "185.46.212.3", PIXEL),
    "Mei-Ling Chen": ("9c2b4d6f-1f4e-4d0c-bb8e-65bd3ac0e1f2", "203.0.113.24", CHROME),
}

REFUND = "7c1d04be-52c3-4f0e-9a6d-0c4d8e19b7f3"
REPRICE = "e9b1f7a3-0b51-4a33-8d1c-3d0f2ab7c4d5"


def event(
    at: datetime,
    action: str,
    entity: tuple[str, str | int | dict[str, Any]],
    old: Row | None,
    new: Row | None,
    *,
    service: str,
    who: str | None = None,
    request: str | None = None,
    seen_by: str = "application",
    **info: Any,
) -> Row:
    """One event in the wire format; ``info`` goes into its request."""
    told: Row = {
        "time_stamp": at.isoformat().replace("+00:00", "Z"),
        "request_id": request or str(uuid5(NAMESPACE_OID, f"{at} {entity[0]}")),
    }
    if who:
        user_id, address, agent = PEOPLE[who]
        email = f"{who.split()[0].lower().replace('á', 'a')}@eunimart.com"
        told["user"] = {"account_id": ACCOUNT, "user_id": user_id, "email": email, "user_name": who}
        told["ip_address"] = address
        told["miscellaneous"] = {"user_agent": agent}
    return {
        "table_id": entity[0],
        "entity_id": entity[1],
        "account_id": ACCOUNT,
        "micro_service_name": service,
        "action": action,
        "old_data": old,
        "new_data": new,
        "source": seen_by,
        "request_info": told | info,
    }


def update(
    at: datetime,
    entity: tuple[str, Any],
    state: Row,
    *,
    service: str,
    who: str | None = None,
    request: str | None = None,
    changes: Row,
    **info: Any,
) -> tuple[Row, Row]:
    """An update, and the state behind it; a value of ``...`` takes the attribute away."""
    after = {name: value for name, value in (state | changes).items() if value is not ...}
    return event(at, "update", entity, state, after, service=service, who=who, request=request, **info), after
