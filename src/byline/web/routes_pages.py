"""The page: the newest events as sentences, under the same filters and cursors as ``/v1/events``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.web.caller import CallerOf
from byline.web.params import FILTERS, QUERY, read, to_query
from byline.web.sentence import days
from byline.web.site import SiteOf
from byline.web.templates import page

router = APIRouter(include_in_schema=False)

_WORDS = {
    "table_id": "table",
    "entity_id": "entity",
    "microservice_name": "service",
    "request_id": "request",
    "account_id": "account",
    "user_id": "user",
    "user_email": "user",
    "ip_address": "address",
    "previous_value": "was",
    "current_value": "became",
    "to": "until",
}


@router.get("/", response_class=Response)
def front(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    values = read(request.scope["query_string"], QUERY)
    asked = to_query(values, within=caller.within)
    query = site.continued(asked, values.get("cursor"), route="page")
    found = site.reader.events(query)
    shown = _as_texts(values)
    return page(
        "changes.html",
        days=days(found.rows),
        whole=found.next is None and not values,
        filters=_chips(shown),
        older=_older(shown, site.cursors.seal(found.next, route="page", query=query)),
        continued="cursor" in values,
        newest=_address("/", shown),
        as_json=_address("/v1/events", shown),
        health=site.reader.health(),
        now=datetime.now(UTC),
    )


def _as_texts(values: dict[str, Any]) -> dict[str, str]:
    """The filters of this view as they stand in an address."""
    names = [parameter.name for parameter in FILTERS if parameter.name in values]
    return {name: _text(values[name]) for name in names}


def _text(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _chips(shown: dict[str, str]) -> list[dict[str, str]]:
    """Each filter in words, and the address of this view without it."""
    return [
        {
            "word": _WORDS.get(name, name),
            "value": value,
            "without": _address("/", {k: v for k, v in shown.items() if k != name}),
        }
        for name, value in shown.items()
    ]


def _older(shown: dict[str, str], cursor: str | None) -> str | None:
    return _address("/", {**shown, "cursor": cursor}) if cursor else None


def _address(path: str, shown: dict[str, str]) -> str:
    return f"{path}?{urlencode(shown)}" if shown else path
