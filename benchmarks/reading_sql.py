"""The questions of the reading benchmark as somebody would write them in SQL by hand: one statement, the index that
suits it, no page but the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from byline.history.dictionary import Kind
from byline.history.packing import mark, moment, pack_request, value_mark
from byline.model.query import Query

Statement = tuple[str, Sequence[Any]]

_COLUMNS = """
    e.event_id, e.occurred_at, e.action, e.request_id,
    coalesce(t.long_name, t.name_key), coalesce(n.long_id, n.entity_key), coalesce(s.long_name, s.name_key),
    coalesce(k.long_name, k.name_key), a.user_id, a.user_email, a.user_name,
    l.ip_address, l.browser_name, l.device_type, l.os,
    coalesce(b.long_name, b.name_key), c.types, c.previous_value, c.current_value
"""
_JOINED = """
    CROSS JOIN changes AS c ON c.event_key = e.event_key
    CROSS JOIN names AS b ON b.name_no = c.attribute_no
    CROSS JOIN entities AS n ON n.entity_no = e.entity_no
    CROSS JOIN names AS t ON t.name_no = n.table_no
    CROSS JOIN origins AS o ON o.origin_no = e.origin_no
    CROSS JOIN names AS s ON s.name_no = o.service_no
    LEFT JOIN names AS k ON k.name_no = e.account_no
    LEFT JOIN actors AS a ON a.actor_no = e.actor_no
    LEFT JOIN clients AS l ON l.client_no = e.client_no
"""


def statement(query: Query) -> Statement:
    """For the kinds of question that the benchmark asks."""
    source, order, conditions, values = _way_in(query)
    if query.within is not None:
        conditions = [*conditions, f"e.account_no = {_named(Kind.ACCOUNT)}"]
        values = [*values, query.within]
    direction = "ASC" if query.order == "oldest" else "DESC"
    text = f"""
        SELECT {_COLUMNS} FROM {source} {_JOINED} WHERE {" AND ".join(conditions)}
        ORDER BY {order}.occurred_at {direction}, {order}.event_key {direction} LIMIT {query.limit}
    """
    return text, values


def _way_in(query: Query) -> tuple[str, str, list[str], list[Any]]:
    """What to read first, whose order is the answer's, and the conditions with their values."""
    if query.attribute is not None:
        return _by_attribute(query)
    if query.entity_id is not None:
        entity = f"SELECT entity_no FROM entities WHERE table_no = {_named(Kind.TABLE)} AND entity_key = ?"
        return "events AS e", "e", [f"e.entity_no = ({entity})"], [query.table_id, query.entity_id]
    if query.request_id is not None:
        packed = pack_request(query.request_id)
        return "events AS e", "e", ["e.request_mark = ?", "e.request_id = ?"], [mark(packed), packed]
    if query.user_id is not None:
        user = "SELECT actor_no FROM actors WHERE user_id = ?"
        return "events AS e", "e", [f"e.actor_no = ({user})"], [query.user_id]
    if query.from_ is not None and query.to is not None:
        return (
            "events AS e",
            "e",
            ["e.occurred_at >= ?", "e.occurred_at < ?"],
            [moment(query.from_), moment(query.to)],
        )
    return "events AS e", "e", ["true"], []


def _by_attribute(query: Query) -> tuple[str, str, list[str], list[Any]]:
    attribute = f"c.attribute_no = {_named(Kind.ATTRIBUTE)}"
    if query.within is not None:  # its own index is the shorter way
        only = [] if query.current_value is None else ["c.current_value = ?"]
        values = [query.attribute] if query.current_value is None else [query.attribute, query.current_value]
        return "events AS e", "e", [attribute, *only], values
    if query.current_value is None:
        source = "attribute_moments AS m CROSS JOIN events AS e ON e.event_key = m.event_key"
        moments = f"m.attribute_no = {_named(Kind.ATTRIBUTE)}"
        return source, "m", [moments, attribute], [query.attribute, query.attribute]
    source = "value_moments AS m CROSS JOIN events AS e ON e.event_key = m.event_key"
    marked = value_mark(query.attribute or "", query.current_value)
    conditions = ["m.value_mark = ?", attribute, "c.current_value = ?"]
    return source, "m", conditions, [marked, query.attribute, query.current_value]


def _named(kind: Kind) -> str:
    return f"(SELECT name_no FROM names WHERE kind = {int(kind)} AND name_key = ?)"
