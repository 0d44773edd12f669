"""The parameters of the HTTP API: one table that the parser reads and that OpenAPI shows, so neither can drift from
the other.

A call is refused as a whole, naming every field at fault: unknown, repeated, empty, or not what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, get_args
from urllib.parse import parse_qsl

from msgspec import Struct, structs

from byline.errors import UsageError
from byline.model.event import Action
from byline.model.query import Order, Query
from byline.model.timestamp import parse_time
from byline.web.examples import PARAMETERS

MAX_LIMIT = 200
MAX_FIELDS = 100

Schema = dict[str, Any]


class FieldError(Struct, frozen=True):
    """One thing wrong with a call: which parameter, and what about it."""

    field: str
    detail: str


class BadParameters(UsageError):
    """The call is wrong; ``errors`` names every field at fault."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


class Parameter(Struct, frozen=True):
    """A query parameter: its name, what it means, what it may be, and how its text is read (a ``ValueError`` tells
    what is wrong)."""

    name: str
    description: str
    schema: Schema
    read: Callable[[str], Any] = str
    required: bool = False

    def openapi(self) -> dict[str, Any]:
        described = {
            "name": self.name,
            "in": "query",
            "required": self.required,
            "description": self.description,
            "schema": self.schema,
        }
        return described | ({"example": PARAMETERS[self.name]} if self.name in PARAMETERS else {})


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def read_time(text: str) -> datetime:
    """An RFC 3339 time with its zone, as UTC; digits beyond microseconds are cut.

    Stricter than an event's time stamp, which may leave its zone out: whoever asks can be asked back.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(_why_not_a_time(text))
    try:
        return parse_time(text)
    except ValueError:
        raise ValueError("there is no such time") from None


def _why_not_a_time(text: str) -> str:
    if _TIME.fullmatch(text.replace(" ", "+")):
        return "write the + of the offset as %2B in an address"
    if _TIME.fullmatch(text + "Z"):
        return "it has no zone: end it with Z or an offset such as +02:00"
    return "must be an RFC 3339 time, such as 2020-07-29T19:45:00Z"


def _read_limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _one_of(words: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return read


def _text(name: str, description: str, *, required: bool = False) -> Parameter:
    return Parameter(name, description, {"type": "string", "minLength": 1}, required=required)


def _time(name: str, description: str) -> Parameter:
    return Parameter(name, description, {"type": "string", "format": "date-time"}, read_time)


TABLE = _text("table_id", "The table or collection the entity lives in.")
ENTITY = _text("entity_id", "The entity's id inside its table.")
REQUEST = _text("request_id", "The request (correlation id) that made the change.")

FILTERS: tuple[Parameter, ...] = (
    TABLE,
    ENTITY,
    _text("microservice_name", "The service that recorded the change."),
    Parameter(
        "action", "What happened.", {"type": "string", "enum": list(get_args(Action))}, _one_of(get_args(Action))
    ),
    REQUEST,
    _text("account_id", "The account that owns the entity."),
    _text("user_id", "Who did it, by id."),
    _text("user_email", "Who did it, by e-mail address."),
    _text("ip_address", "Where the request came from."),
    _text("attribute", "The whole name of the attribute, such as `title` or `lines[id=7].price`."),
    _text("previous_value", "The value before, as its text."),
    _text("current_value", "The value after, as its text."),
    _time("from", "Not before this time (RFC 3339)."),
    _time("to", "Before this time (RFC 3339)."),
    Parameter(
        "order",
        "Newest first, or oldest first.",
        {"type": "string", "enum": list(get_args(Order)), "default": "newest"},
        _one_of(get_args(Order)),
    ),
)

LIMIT = Parameter(
    "limit",
    "How many rows a page may hold.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 50},
    _read_limit,
)

PAGING: tuple[Parameter, ...] = (
    LIMIT,
    _text("cursor", "Where to go on: `next_cursor` of the page before, under the same filters."),
)

QUERY: tuple[Parameter, ...] = (*FILTERS, *PAGING)

ENTITY_AT: tuple[Parameter, ...] = (
    Parameter(TABLE.name, TABLE.description, TABLE.schema, required=True),
    Parameter(ENTITY.name, ENTITY.description, ENTITY.schema, required=True),
    _time("at", "As it was at this time (RFC 3339); by default, now."),
)

ONE_REQUEST: tuple[Parameter, ...] = (
    Parameter(REQUEST.name, REQUEST.description, REQUEST.schema, required=True),
    Parameter(
        "undo",
        "Whether the first page brings the plan that would undo the request.",
        {"type": "string", "enum": ["yes", "no"], "default": "yes"},
        _one_of(("yes", "no")),
    ),
    *PAGING,
)

_MIDNIGHT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00(Z|\+00:00)$"


def _by_day(parameter: Parameter) -> Parameter:
    """A filter as the daily rollup takes it: a time is a midnight, UTC."""
    if parameter.name not in {"from", "to"}:
        return parameter
    return structs.replace(
        parameter,
        description=parameter.description.replace("RFC 3339", "RFC 3339, at midnight UTC"),
        schema={**parameter.schema, "pattern": _MIDNIGHT},
    )


_BY_DAY = frozenset(("table_id", "microservice_name", "action", "account_id", "from", "to"))

ACTIVITY: tuple[Parameter, ...] = tuple(_by_day(one) for one in FILTERS if one.name in _BY_DAY)
"""What the daily rollup knows; by any other filter it cannot choose."""


def read(query_string: bytes, parameters: Collection[Parameter]) -> dict[str, Any]:
    """What a query string says, by name; a parameter that is not there is not in the answer. Raises
    :class:`BadParameters`."""
    given, errors = _collect(query_string, {parameter.name: parameter for parameter in parameters})
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in given:
            if parameter.required and not any(error.field == parameter.name for error in errors):
                errors.append(FieldError(parameter.name, "is required"))
            continue
        try:
            values[parameter.name] = parameter.read(given[parameter.name])
        except ValueError as error:
            errors.append(FieldError(parameter.name, str(error)))
    if errors:
        raise BadParameters(errors)
    return values


def _collect(query_string: bytes, known: Mapping[str, Parameter]) -> tuple[dict[str, str], list[FieldError]]:
    """The texts of the known parameters, each given once and not empty; and what is wrong with the rest."""
    try:
        pairs = parse_qsl(
            query_string.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError:
        raise BadParameters([FieldError("query", "is not UTF-8")]) from None
    except ValueError:
        raise BadParameters([FieldError("query", f"holds more than {MAX_FIELDS} parameters")]) from None
    given: dict[str, str] = {}
    at_fault: dict[str, str] = {}
    for name, text in pairs:
        if name not in known:
            at_fault[name] = "is not a parameter of this call"
        elif name in given or name in at_fault:
            at_fault[name] = "is given more than once"
        elif not text:
            at_fault[name] = "is empty: leave it out to mean any"
        else:
            given[name] = text
    return given, [FieldError(name, detail) for name, detail in at_fault.items()]


def to_query(values: Mapping[str, Any], *, within: str | None) -> Query:
    """The question that these values ask, on behalf of a reader confined to ``within``; a cursor is opened
    elsewhere."""
    from_, to = values.get("from"), values.get("to")
    if from_ is not None and to is not None and to < from_:
        raise BadParameters([FieldError("to", "is before from")])
    fields = {("from_" if name == "from" else name): value for name, value in values.items() if name != "cursor"}
    return Query(**fields, within=within)
