"""Events and JSON values, as the tests of the model need them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from byline.model.codec import decode
from byline.model.event import AuditEvent
from byline.model.number import Number

WORKED: dict[str, Any] = {
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
"""The worked example of DESIGN §3."""

GONE = object()
"""Stands for a field that is left out."""


def changed(**fields: Any) -> dict[str, Any]:
    """The worked example with other fields; ``request_info__x`` is the field ``x`` of ``request_info``."""
    event = json.loads(json.dumps(WORKED))
    for name, value in fields.items():
        *parents, last = name.split("__")
        holder = event
        for parent in parents:
            holder = holder[parent]
        if value is GONE:
            del holder[last]
        else:
            holder[last] = value
    return event


def wire(**fields: Any) -> bytes:
    return json.dumps(changed(**fields)).encode()


def with_token(field: str, token: str) -> bytes:
    """The worked example in which the top-level ``field`` is this JSON text, as it stands."""
    return wire(**{field: "@@"}).replace(b'"@@"', token.encode())


def read(**fields: Any) -> AuditEvent:
    return decode(wire(**fields), key="events/k.ndjson", line=1)


def read_bytes(data: bytes) -> AuditEvent:
    return decode(data, key="events/k.ndjson", line=1)


digits = st.text("0123456789", min_size=1, max_size=30)
exponents = st.one_of(
    st.just(""), st.builds(lambda e, s, d: e + s + d, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), digits)
)
number_tokens = st.builds(
    lambda sign, whole, fraction, exponent: sign + str(int(whole)) + ("." + fraction if fraction else "") + exponent,
    st.sampled_from(["", "-"]),
    digits,
    st.one_of(st.just(""), digits),
    exponents,
)
small_tokens = st.sampled_from(["0.0", "-0", "1.0", "1e0", "10e-1", "7.0", "7e0", "119.00", "1E5", "1e999999999999"])


def _number(token: str) -> Any:
    plain = token.lstrip("-").isdecimal() and token != "-0"
    return int(token) if plain else Number(token)


numbers = st.one_of(st.integers(-3, 8), st.integers(), st.one_of(number_tokens, small_tokens).map(_number))
texts = st.one_of(st.text(max_size=6), st.sampled_from(["", "1", "true", "null", "7", "é", "e\u0301"]))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
names = st.one_of(
    st.sampled_from(
        ["id", "_id", "a", "b", "lines", "", "a.b", "[]", "lines[]", 'x"y', "\\", "\x00", "\x85", "$enc", "lines[id=1]"]
    ),
    st.text(max_size=4),
)
envelopes = st.fixed_dictionaries(
    {
        "$enc": st.one_of(
            texts, st.fixed_dictionaries({}, optional={"digest": st.sampled_from(["d1", "d2", ""]), "c": texts})
        )
    }
)
identities = st.one_of(
    st.integers(-2, 4), st.sampled_from(["1", "a", "é\x7f", '"', ""]), st.booleans(), small_tokens.map(_number)
)


def _elements(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    element = st.builds(
        lambda name, identity, rest: {**rest, name: identity},
        st.sampled_from(["id", "id", "_id"]),
        identities,
        st.dictionaries(names, children, max_size=2),
    )
    return st.lists(element, max_size=4)


values = st.recursive(
    st.one_of(scalars, envelopes),
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(names, children, max_size=3),
        _elements(children),
    ),
    max_leaves=12,
)
states = st.dictionaries(names, values, max_size=5)
