"""Filters: the form whose address is the view, the chips that take one away, and what a person may type into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from msgspec import Struct

from byline.web.pages.address import address
from byline.web.pages.clock import Clock
from byline.web.params import FILTERS

NAMES: Final = tuple(parameter.name for parameter in FILTERS)
WHO: Final = "who"
"""The form's field for a person: an id, or an e-mail address."""

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MINUTE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)", re.ASCII)
_ONE_DAY: Final = timedelta(days=1)

WORDS: Final = {
    "table_id": "table",
    "entity_id": "entity",
    "microservice_name": "service",
    "request_id": "request",
    "account_id": "account",
    "user_id": "who is",
    "user_email": "who is",
    "ip_address": "address",
    "previous_value": "was",
    "current_value": "became",
    "from": "from",
    "to": "until",
    "order": "order",
}


class Field(Struct, frozen=True, kw_only=True):
    """A field of the form."""

    name: str
    label: str
    empty: str
    """What it means to leave it empty."""
    value: str = ""
    without: str | None = None
    """The address of this view without this filter."""
    choices: tuple[str, ...] = ()


class Chip(Struct, frozen=True, kw_only=True):
    """A filter in words, and the address of this view without it; ``None`` where it cannot go."""

    word: str
    value: str
    without: str | None


_FIELDS: Final = (
    Field(name="microservice_name", label="Service", empty="any"),
    Field(name="table_id", label="Table", empty="any"),
    Field(name="entity_id", label="Entity", empty="any"),
    Field(name="attribute", label="Attribute", empty="any"),
    Field(name="previous_value", label="Was", empty="any value"),
    Field(name="current_value", label="Became", empty="any value"),
    Field(name="action", label="Action", empty="any", choices=("create", "update", "delete")),
    Field(name=WHO, label="Who", empty="anyone"),
    Field(name="from", label="From", empty="the start"),
    Field(name="to", label="Until", empty="now"),
)


class View(Struct, frozen=True):
    """A page's filters as they stand in its address, in the table's order."""

    path: str
    filters: dict[str, str]
    clock: Clock
    fixed: tuple[str, ...] = ()
    """Filters that are what the page is about."""

    @property
    def chosen(self) -> dict[str, str]:
        """What a reader chose and can take away."""
        return {name: value for name, value in self.filters.items() if name not in (*self.fixed, "order")}

    def at(self, path: str | None = None, **other: str | None) -> str:
        """The address of this view, or of its facts at another ``path``, with other filters."""
        return address(path or self.path, {**self.filters, **other})

    def without(self, name: str) -> str:
        return self.at(**{name: None})

    def fields(self) -> list[Field]:
        return [self._field(field) for field in _FIELDS if not self._is_fixed(field)]

    def _is_fixed(self, field: Field) -> bool:
        return (self._who() if field.name == WHO else field.name) in self.fixed

    def _field(self, field: Field) -> Field:
        name = self._who() if field.name == WHO else field.name
        if name not in self.filters:
            return field
        return Field(
            name=field.name,
            label=field.label,
            empty=field.empty,
            value=self._typed(name),
            without=self.without(name),
            choices=field.choices,
        )

    def _who(self) -> str:
        return "user_id" if "user_id" in self.filters else "user_email"

    def kept(self) -> dict[str, str]:
        """Filters that have no field of their own: they go along with the form."""
        in_form = ({field.name for field in _FIELDS} | {self._who()}) - {*self.fixed}
        return {name: value for name, value in self.filters.items() if name not in in_form}

    def chips(self) -> list[Chip]:
        return [
            Chip(word=WORDS.get(name, name), value=self.told(name), without=self.without(name))
            for name in self.filters
            if name not in self.fixed
        ]

    def told(self, name: str) -> str:
        """A filter's value in words."""
        value = self.filters[name]
        if name not in ("from", "to"):
            return value
        moment = datetime.fromisoformat(value)
        day = self._whole_day(name, moment)
        return self.clock.short(self.clock.day_begins(day)) if day else self.clock.stamp(moment)

    def _typed(self, name: str) -> str:
        """A filter's value as a person would type it."""
        value = self.filters[name]
        if name not in ("from", "to"):
            return value
        moment = datetime.fromisoformat(value)
        day = self._whole_day(name, moment)
        return day.isoformat() if day else f"{self.clock.local(moment):%Y-%m-%d %H:%M:%S}"

    def _whole_day(self, name: str, moment: datetime) -> date | None:
        """The day that begins (or, of ``to``, ends) at this moment."""
        told = self.clock.local(moment)
        if (told.hour, told.minute, told.second, told.microsecond) != (0, 0, 0, 0):
            return None
        try:
            return told.date() if name == "from" else told.date() - _ONE_DAY
        except OverflowError:
            return None


def view_of(path: str, values: Mapping[str, Any], clock: Clock, *, fixed: tuple[str, ...] = ()) -> View:
    """The filters among these values, as they stand in an address."""
    return View(path, {name: _text(values[name]) for name in NAMES if name in values}, clock, fixed)


def _text(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def canonical(query_string: bytes, clock: Clock) -> list[tuple[str, str]] | None:
    """What a form sent, as an address of ours says it: no empty fields, days as moments, a person by id or e-mail.
    ``None`` where it is one already, or is beyond our understanding (then it is refused, field by field)."""
    try:
        pairs = parse_qsl(query_string.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        return None
    said = [told for name, value in pairs if value.strip() for told in (_as_parameter(name, value, clock),)]
    return None if said == pairs else said


def _as_parameter(name: str, value: str, clock: Clock) -> tuple[str, str]:
    if name == WHO:
        return ("user_email" if "@" in value else "user_id"), value.strip()
    if name in ("from", "to"):
        return name, _as_time(name, value.strip(), clock)
    return name, value


def _as_time(name: str, value: str, clock: Clock) -> str:
    """A day stands for its beginning or, as an end, for the beginning of the day after."""
    try:
        if _DAY.fullmatch(value):
            day = date.fromisoformat(value)
            return _rfc3339(clock.day_begins(day if name == "from" else day + _ONE_DAY))
        if found := _MINUTE.fullmatch(value):
            moment = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=clock.zone)
            return _rfc3339(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    return value


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
