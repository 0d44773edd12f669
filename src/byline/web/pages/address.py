"""Where things are: the addresses of pages and of what they show in other forms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from byline.model.query import EventRow

LONGEST: Final = 1_000
"""Characters of a value that may stand in an address; a thing with a longer name has no link."""


def address(path: str, parameters: Mapping[str, str | None]) -> str:
    """A path and its query; what is ``None`` is left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given, quote_via=quote, errors='replace')}" if given else path


def _linked(path: str, parameters: Mapping[str, str | None]) -> str | None:
    if any(value is not None and len(value) > LONGEST for value in parameters.values()):
        return None
    return address(path, parameters)


def entity_page(table_id: str, entity_id: str, at: str | None = None) -> str | None:
    """An entity, as it was at ``at``; ``None`` where its name is too long for an address."""
    return _linked("/entity", {"table_id": table_id, "entity_id": entity_id, "at": at})


def request_page(request_id: str) -> str | None:
    """A request; ``None`` where its id is too long for an address."""
    return _linked("/request", {"request_id": request_id})


def user_page(user_id: str | None, user_email: str | None) -> str | None:
    """A person, by id or, without one, by e-mail; ``None`` where neither is known."""
    if user_id:
        return _linked("/user", {"user_id": user_id})
    return _linked("/user", {"user_email": user_email}) if user_email else None


def front_page(**filters: str | None) -> str | None:
    """The front page under these filters."""
    return _linked("/", filters)


def person_page(event: EventRow) -> str | None:
    """Who did it; ``None`` where it was a job, or nobody is known."""
    return None if event.job else user_page(event.user_id, event.user_email)
