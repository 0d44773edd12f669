"""The JSON Schema of the audit event is current, and says what the decoder enforces (DESIGN §3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from byline.model.codec import decode
from byline.model.schema import json_schema, json_schema_text
from tests.unit.model.made import GONE, WORKED, changed, wire
from tests.unit.model.test_codec import refused

FILE = Path(__file__).parents[3] / "schema" / "audit-event.schema.json"
validator = Draft202012Validator(json_schema())


def test_the_file_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == json_schema_text(), f"run: byline schema > {FILE.name}, in schema/"


def test_it_is_a_json_schema_of_2020_12() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json.loads(json_schema_text()) == json_schema()


def test_the_worked_example_and_the_schemas_own_are_valid() -> None:
    validator.validate(WORKED)
    for example in json_schema()["examples"]:
        validator.validate(example)
        assert not decode(json.dumps(example).encode(), key="k", line=1).lossy


@pytest.mark.parametrize(
    "fields",
    [
        {name: value}
        for name in ("table_id", "entity_id", "micro_service_name", "action", "request_info")
        for value in (GONE, None)
    ]
    + [
        {"request_info__time_stamp": value}
        for value in (GONE, None, True, 1596051900, "", "2020-07-29", "2020-07-29T19:45Z", "now")
    ]
    + [{"table_id": value} for value in ("", 1, [])]
    + [{"micro_service_name": value} for value in ("", True, {})]
    + [{"entity_id": value} for value in ("", True, 1.5, {}, [])]
    + [{"action": value} for value in ("", "insert", "updated", " update", 1)]
    + [{name: value} for name in ("old_data", "new_data") for value in ([], "x", 1, False)]
    + [{"request_info": value} for value in ([], "x", 1)],
)
def test_what_the_decoder_rejects_the_schema_refuses(fields: dict[str, Any]) -> None:
    refused(wire(**fields))
    assert not validator.is_valid(changed(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": GONE},
        {"event_id": 17},
        {"entity_id": 17},
        {"entity_id": {"a": 1, "b": 2}},
        {"entity_id": ["a", 1]},
        {"action": "CREATE", "old_data": None},
        {"new_data": GONE},
        {"request_info__time_stamp": "2020-07-29 19:45:00.123456789+05:30"},
        {"request_info__time_stamp": "2020-07-29t19:45:00"},
        {"request_info__user": None},
        {"request_info__user": {"user_id": 17}},
        {"request_info__miscellaneous": {"anything": [1]}},
        {"stream": {"id": "s", "seq": 0}, "source": "binlog", "account_id": "x"},
        {"new_data": {"a": {"$enc": {"digest": "d"}}}},
        {"something_new": {"a": 1}},
    ],
)
def test_what_the_schema_takes_the_decoder_reads_without_loss(fields: dict[str, Any]) -> None:
    validator.validate(changed(**fields))
    assert not decode(wire(**fields), key="k", line=1).lossy


def test_every_field_of_the_table_in_the_design_is_described() -> None:
    properties = json_schema()["properties"]
    info = properties["request_info"]["properties"]
    envelope = {"event_id", "account_id", "table_id", "entity_id", "micro_service_name", "action", "stream", "source"}
    assert set(properties) == envelope | {"old_data", "new_data", "request_info"}
    assert set(info) == {
        "time_stamp",
        "ip_address",
        "request_id",
        "trace_id",
        "job",
        "verified_by",
        "user",
        "miscellaneous",
    }
    assert all(field["description"] for field in (*properties.values(), *info.values()))
