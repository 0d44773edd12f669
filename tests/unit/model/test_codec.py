"""The wire format: what is kept, what is repaired, what is rejected (DESIGN §3)."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from byline.errors import Rejected
from byline.model.codec import MAX_EVENT_BYTES, decode, encode
from byline.model.envelope import REQUEST_IDS
from byline.model.event import RequestInfo, Stream, User
from byline.model.number import Number
from tests.unit.model.made import GONE, WORKED, changed, read, read_bytes, wire, with_token


def refused(data: bytes) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        read_bytes(data)
    return caught.value.reason, caught.value.detail


def test_the_worked_example_is_read_whole() -> None:
    event = read()
    assert event.event_id == UUID("01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11")
    assert (event.sent_id, event.stream, event.source, event.lossy, event.one_sided) == (None, None, None, False, False)
    assert (event.table_id, event.entity_id, event.micro_service_name) == ("products_master", "1", "product_management")
    assert event.action == "update"
    assert event.account_id == "eb257dff-dddb-482d-afb0-5934ace42c13"
    assert (event.old_data, event.new_data) == (WORKED["old_data"], WORKED["new_data"])
    assert event.request_info == RequestInfo(
        time_stamp=datetime(2020, 7, 29, 19, 45, 0, 47_000, tzinfo=UTC),
        ip_address="203.109.108.86",
        request_id="a20e389c-134b-40e7-9827-1c94eb895412",
        user=User(**WORKED["request_info"]["user"]),
        miscellaneous=WORKED["request_info"]["miscellaneous"],
    )
    with pytest.raises((AttributeError, FrozenInstanceError)):
        event.table_id = "x"  # type: ignore[misc]


# event_id


@pytest.mark.parametrize("text", ["01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11", "01980C5E-6A0B-7C55-BD5E-0A1F6F2B9A11"])
def test_a_uuid7_is_kept(text: str) -> None:
    event = read(event_id=text)
    assert (event.event_id, event.sent_id) == (UUID(text), None)


@pytest.mark.parametrize(
    "sent",
    [
        "01980c5e6a0b7c559d5e0a1f6f2b9a11",
        "{01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11}",
        "01980c5e-6a0b-7c55-1d5e-0a1f6f2b9a11",
        "01980c5e-6a0b-4c55-9d5e-0a1f6f2b9a11",
        "01980c5e-6a0b-8c55-9d5e-0a1f6f2b9a11",
        "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a1g",
        " 01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a1",
        "order-17",
        "é" * 500,
    ],
)
def test_any_other_id_becomes_a_uuid8_in_time_order(sent: str) -> None:
    event = read(event_id=sent)
    assert event.sent_id == sent
    assert event.event_id.version == 8
    assert event.event_id.variant == "specified in RFC 4122"
    milliseconds = int(event.request_info.time_stamp.timestamp() * 1000)
    assert event.event_id.int >> 80 == milliseconds == 1596051900047


@pytest.mark.parametrize(
    ("token", "sent_id"),
    [
        ("17", "17"),
        ("1.50", "1.50"),
        ("true", "true"),
        ('{"b":1, "a": [2]}', '{"a":[2],"b":1}'),
        ("[]", "[]"),
        ("-0", "-0"),
    ],
)
def test_an_id_that_is_no_string_becomes_its_json_text(token: str, sent_id: str) -> None:
    event = read_bytes(with_token("event_id", token))
    assert event.sent_id == sent_id
    assert event.event_id == read(event_id=sent_id).event_id


def test_the_made_id_depends_on_time_service_and_sent_id_only() -> None:
    one = read(event_id="x")
    assert decode(wire(event_id="x", table_id="other"), key="elsewhere", line=9).event_id == one.event_id
    assert read(event_id="y").event_id != one.event_id
    assert read(event_id="x", micro_service_name="other").event_id != one.event_id
    assert read(event_id="x", request_info__time_stamp="2020-07-29T19:45:00.048Z").event_id != one.event_id
    assert str(one.event_id) == "01739c1b-468f-81f3-984b-6782ea2774c4"


@pytest.mark.parametrize("sent", [GONE, None, ""])
def test_without_an_id_the_place_makes_it(sent: Any) -> None:
    data = wire(event_id=sent)
    event = decode(data, key="k", line=1)
    assert event.sent_id is None
    assert event.event_id.version == 8
    assert decode(data, key="k", line=1).event_id == event.event_id
    assert decode(data, key="k", line=2).event_id != event.event_id
    assert decode(data, key="l", line=1).event_id != event.event_id
    assert event.event_id != read(event_id="k1").event_id


def test_a_made_id_before_1970_begins_with_zero() -> None:
    event = read(event_id="x", request_info__time_stamp="1969-12-31T23:59:59Z")
    assert event.event_id.int >> 80 == 0
    assert event.event_id.version == 8
    assert read(event_id="x", request_info__time_stamp="9999-12-31T23:59:59.999999Z").event_id.version == 8


# account_id


def test_account_id_is_the_actors_by_default() -> None:
    assert read(account_id="owner").account_id == "owner"
    assert read(account_id="owner").request_info.user.account_id == WORKED["request_info"]["user"]["account_id"]  # type: ignore[union-attr]
    assert read(account_id=None).account_id == WORKED["request_info"]["user"]["account_id"]
    assert read(request_info__user=None).account_id is None
    assert read(account_id=17).account_id == "17"


# table_id, entity_id, micro_service_name, action


@pytest.mark.parametrize("field", ["table_id", "entity_id", "micro_service_name", "action"])
@pytest.mark.parametrize("value", [GONE, None])
def test_a_required_field_that_is_absent_or_null_is_missing(field: str, value: Any) -> None:
    reason, detail = refused(wire(**{field: value}))
    assert reason == "missing_field"
    assert field in detail


@pytest.mark.parametrize("field", ["table_id", "micro_service_name"])
@pytest.mark.parametrize("value", ["", 1, 1.5, True, {}, ["x"]])
def test_names_are_non_empty_strings(field: str, value: Any) -> None:
    reason, detail = refused(wire(**{field: value}))
    assert reason == "invalid_field"
    assert field in detail


@pytest.mark.parametrize("token", ['""', "true", "false", "1.0", "1e3", "{}", "[]"])
def test_an_entity_id_that_is_empty_or_neither_text_nor_integer_is_invalid(token: str) -> None:
    assert refused(with_token("entity_id", token))[0] == "invalid_field"


@pytest.mark.parametrize(
    ("token", "entity_id"),
    [
        ("1", "1"),
        ('"1"', "1"),
        ("-17", "-17"),
        ("-0", "0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9" * 5000, "9" * 5000),
        ('" a "', " a "),
        ('{"b": [1.50], "a": "é"}', '{"a":"é","b":[1.50]}'),
        ('[ "x", 2 ]', '["x",2]'),
    ],
)
def test_an_entity_id_is_text_an_integer_or_a_composite_key(token: str, entity_id: str) -> None:
    event = read_bytes(with_token("entity_id", token))
    assert event.entity_id == entity_id
    assert not event.lossy


@pytest.mark.parametrize("action", ["create", "UPDATE", "Delete", "cReAtE"])
def test_an_action_has_any_letter_case(action: str) -> None:
    assert read(action=action).action == action.lower()


@pytest.mark.parametrize("action", ["", "insert", " update", "update\n", "upd\u0430te", 1, True, ["update"], {}])
def test_anything_else_is_an_unknown_action(action: Any) -> None:
    assert refused(wire(action=action))[0] == "unknown_action"


# old_data, new_data


@pytest.mark.parametrize("field", ["old_data", "new_data"])
@pytest.mark.parametrize("action", ["create", "update", "delete"])
@pytest.mark.parametrize("value", [[], "x", "", 0, 1, False])
def test_a_state_is_an_object_or_nothing(field: str, action: str, value: Any) -> None:
    reason, detail = refused(wire(**{field: value, "action": action}))
    assert reason == "invalid_field"
    assert field in detail


def test_on_create_old_is_nothing_and_on_delete_new_is() -> None:
    created, deleted = read(action="create"), read(action="delete")
    assert (created.old_data, created.new_data) == (None, WORKED["new_data"])
    assert (deleted.old_data, deleted.new_data) == (WORKED["old_data"], None)
    assert not created.one_sided
    assert not deleted.one_sided


@pytest.mark.parametrize("missing", [{"old_data": None}, {"new_data": GONE}, {"old_data": GONE, "new_data": None}])
def test_an_update_with_a_side_missing_is_kept_and_marked(missing: dict[str, Any]) -> None:
    event = read(**missing)
    assert event.one_sided
    assert not event.lossy
    assert not read(old_data={}).one_sided


# time_stamp


@pytest.mark.parametrize("value", [GONE, None])
def test_a_time_stamp_that_is_absent_or_null_is_missing(value: Any) -> None:
    assert refused(wire(request_info__time_stamp=value))[0] == "missing_timestamp"
    assert refused(wire(request_info=value))[0] == "missing_timestamp"


@pytest.mark.parametrize(
    "value", [True, 1596051900, 1596051900.5, {}, ["2020-07-29T19:45:00Z"], "", "1596051900", "today"]
)
def test_a_time_stamp_that_is_no_rfc_3339_text_is_invalid(value: Any) -> None:
    assert refused(wire(request_info__time_stamp=value))[0] == "invalid_timestamp"


@pytest.mark.parametrize("value", [[], "x", 1, True])
def test_a_request_info_that_is_no_object_is_invalid(value: Any) -> None:
    assert refused(wire(request_info=value))[0] == "invalid_field"


# Optional fields never reject


@pytest.mark.parametrize("text", ["203.0.113.7", "::1", "not an address", "", "10.0.0.1, 10.0.0.2", "é" * 300])
def test_any_text_is_kept_as_an_ip_address(text: str) -> None:
    event = read(request_info__ip_address=text)
    assert event.request_info.ip_address == text
    assert not event.lossy


@pytest.mark.parametrize("text", ["x", "é" * 128, "with blank", "\u200b", "\u2028"])
def test_a_request_id_up_to_128_characters_is_kept(text: str) -> None:
    assert read(request_info__request_id=text).request_info.request_id == text


@pytest.mark.parametrize("text", ["x" * 129, "a\nb", "\x7f", "\x85", "\x00"])
def test_a_longer_request_id_or_one_with_control_characters_becomes_a_uuid5(text: str) -> None:
    event = read(request_info__request_id=text)
    assert event.request_info.request_id == str(uuid5(REQUEST_IDS, text))
    assert str(REQUEST_IDS) == "5f3d9e0a-6c0b-4c57-9a53-0d9c1f0b7e21"
    assert not event.lossy


def test_an_absent_request_id_is_null_and_an_integer_is_text() -> None:
    assert read(request_info__request_id=GONE).request_info.request_id is None
    assert read(request_info__request_id=17).request_info.request_id == "17"


@pytest.mark.parametrize("user", [GONE, None])
def test_a_user_may_be_absent(user: Any) -> None:
    event = read(request_info__user=user)
    assert event.request_info.user is None
    assert not event.lossy


def test_a_user_may_be_partial_and_ids_may_be_integers() -> None:
    event = read(request_info__user={"user_id": 17, "account_id": 10**30})
    assert event.request_info.user == User(account_id=str(10**30), user_id="17")
    assert event.account_id == str(10**30)
    assert read(request_info__user={}).request_info.user == User()
    assert not event.lossy


TEXTS = ["account_id", "source", "request_info__ip_address", "request_info__request_id", "request_info__trace_id"]
TEXTS += ["request_info__job", "request_info__verified_by"]
TEXTS += [f"request_info__user__{part}" for part in ("account_id", "user_id", "email", "user_name")]


def found(event: Any, path: str) -> Any:
    for name in path.split("__"):
        event = getattr(event, name)
    return event


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize(
    ("odd", "text"), [(True, "true"), (1.5, "1.5"), ({"b": 1, "a": 2}, '{"a":2,"b":1}'), ([], "[]")]
)
def test_an_odd_optional_field_becomes_its_json_text_and_the_event_is_lossy(path: str, odd: Any, text: str) -> None:
    event = read(**{path: odd})
    assert found(event, path) == text
    assert event.lossy


@pytest.mark.parametrize("path", TEXTS)
def test_an_integer_in_a_text_field_becomes_text_and_loses_nothing(path: str) -> None:
    event = read(**{path: 17})
    assert found(event, path) == "17"
    assert not event.lossy


@pytest.mark.parametrize("path", ["request_info__user", "request_info__miscellaneous", "stream"])
@pytest.mark.parametrize("odd", [1, "x", True, [], 1.5])
def test_an_odd_value_in_the_place_of_an_optional_object_is_dropped_and_the_event_is_lossy(path: str, odd: Any) -> None:
    event = read(**{path: odd})
    assert found(event, path) is None
    assert event.lossy


def test_trace_id_job_and_verified_by_are_kept() -> None:
    kept = {"trace_id": "4bf92f35", "job": "nightly", "verified_by": "oidc"}
    info = read(**{f"request_info__{name}": text for name, text in kept.items()}).request_info
    assert {name: getattr(info, name) for name in kept} == kept


def test_miscellaneous_is_an_open_object() -> None:
    kept = {"user_agent": "curl/8", "more": {"deep": [1, None]}}
    assert read(request_info__miscellaneous=kept).request_info.miscellaneous == kept


def test_a_stream_is_kept_with_its_running_number() -> None:
    assert read(stream={"id": "s", "seq": 2**63 - 1, "more": 1}).stream == Stream("s", 2**63 - 1)
    assert read(stream=None).stream is None


@pytest.mark.parametrize(
    "stream",
    [
        {},
        {"id": "s"},
        {"seq": 1},
        {"id": 1, "seq": 1},
        {"id": "s", "seq": -1},
        {"id": "s", "seq": 2**63},
        {"id": "s", "seq": True},
        {"id": "s", "seq": 1.0},
        {"id": "s", "seq": "1"},
        {"id": None, "seq": 1},
    ],
)
def test_a_stream_of_another_shape_is_dropped(stream: Any) -> None:
    event = read(stream=stream)
    assert event.stream is None
    assert event.lossy


def test_source_is_kept() -> None:
    assert read(source="binlog").source == "binlog"


def test_unknown_fields_are_ignored() -> None:
    assert read(new_field={"a": 1}, request_info__other=1, request_info__user__nick=[]) == read()


# Repairs


def repaired(old: str) -> Any:
    event = read_bytes(wire(old_data="@@").replace(b'"@@"', old.encode()))
    assert event.lossy
    return event.old_data


def test_a_lone_surrogate_becomes_u_fffd() -> None:
    assert repaired(r'{"a": "x\ud800y", "b": ["\uDC00\ud800", {"c": "\udfff"}]}') == {
        "a": "x\ufffdy",
        "b": ["\ufffd\ufffd", {"c": "\ufffd"}],
    }


def test_a_surrogate_pair_is_a_character() -> None:
    event = read_bytes(wire(old_data="@@").replace(b'"@@"', rb'{"a": "\ud83d\ude00", "\ud83d\ude00": "\\ud800"}'))
    assert event.old_data == {"a": "😀", "😀": "\\ud800"}
    assert not event.lossy


def test_a_lone_surrogate_in_a_required_field_is_repaired_too() -> None:
    event = read_bytes(with_token("table_id", r'"t\ud800"'))
    assert event.table_id == "t\ufffd"
    assert event.lossy


def test_a_repaired_name_becomes_readable() -> None:
    assert repaired(r'{"a\ud800": 1, "b": 2}') == {"a\ufffd": 1, "b": 2}


def test_a_repaired_name_that_would_meet_another_keeps_its_escaped_form() -> None:
    assert repaired(r'{"\ud800": 1, "\ud801": 2}') == {"\\ud800": 1, "\\ud801": 2}
    assert repaired(r'{"\ud800": 1, "\ufffd": 2}') == {"\\ud800": 1, "\ufffd": 2}
    assert repaired(r'{"\uD800": 1, "\ufffd": 2, "\\ud800": 3}') == {"\\ud800 (2)": 1, "\ufffd": 2, "\\ud800": 3}


def test_repairing_names_is_linear_for_a_hostile_object() -> None:
    names = [f'"{"".join(bits)}{end}"' for bits in _bits(13) for end in (r"\ud801", r"\ud802")]
    assert len(repaired("{" + ",".join(f"{name}:1" for name in names) + "}")) == len(names)


def _bits(count: int) -> list[list[str]]:
    return [[r"\ud800" if number >> place & 1 else r"\\ud800" for place in range(count)] for number in range(2**count)]


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_are_kept_as_that_text(token: str) -> None:
    assert repaired(f'{{"a": {token}, "b": [{token}]}}') == {"a": token, "b": [token]}


def test_a_raw_control_character_in_a_string_is_taken_as_it_stands() -> None:
    assert repaired('{"a\t": "x\x00y"}') == {"a\t": "x\x00y"}


def test_of_a_repeated_name_the_last_wins() -> None:
    event = read_bytes(wire(old_data="@@").replace(b'"@@"', b'{"a": 1, "b": 2, "a": 3}'))
    assert event.old_data == {"a": 3, "b": 2}
    assert not event.lossy
    data = wire()
    assert read_bytes(data[:-1] + b', "action": "delete"}').action == "delete"
    assert read_bytes(b'{"action": 7,' + data[1:]).action == "update"


@pytest.mark.parametrize("token", ["119.00", "1E5", "1e999999999", "-0", "-0.0", "9" * 5000, "0.1" + "0" * 500])
def test_a_number_keeps_its_token(token: str) -> None:
    for data in (f'{{"a": {token}}}', f'{{"a":{token},"b":"\\ud800"}}', f'{{"a":\n{token}\n}}'):
        event = read_bytes(wire(new_data="@@").replace(b'"@@"', data.encode()))
        value = (event.new_data or {})["a"]
        assert type(value) is Number
        assert value.text == token


@pytest.mark.parametrize("text", ["-0", "a: -0,", "[-0]", '":-0'])
def test_minus_zero_in_a_string_is_text(text: str) -> None:
    assert read(new_data={"a": text}).new_data == {"a": text}


def test_an_integer_is_an_int_whichever_parser_read_it() -> None:
    for extra in ("1", "NaN"):
        data = wire(new_data="@@").replace(b'"@@"', f'{{"a": 123456789012345678901234567890, "b": {extra}}}'.encode())
        assert type((read_bytes(data).new_data or {})["a"]) is int


# Rejections of whole documents


@pytest.mark.parametrize(
    "data", [b"", b" ", b"{", b"nul", b"{}x", b"{'a': 1}", b'{"a": 1,}', b"[1,]", b"01", b'{"a": .5}', b'"\\q"']
)
def test_what_is_not_json_is_invalid_json(data: bytes) -> None:
    assert refused(data)[0] == "invalid_json"


@pytest.mark.parametrize("junk", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xc3"])
def test_what_is_not_utf_8_is_invalid_encoding(junk: bytes) -> None:
    assert refused(wire(table_id="@@").replace(b"@@", junk))[0] == "invalid_encoding"
    assert refused(wire(unknown="@@").replace(b"@@", junk))[0] == "invalid_encoding"
    assert refused(junk)[0] == "invalid_encoding"


def test_utf_16_is_invalid_encoding() -> None:
    assert refused(wire().decode().encode("utf-16"))[0] == "invalid_encoding"


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"1", b"null", b"true", b"NaN", b"-0", b"1.5", b'["\\ud800"]'])
def test_a_document_that_is_no_object_is_not_an_object(data: bytes) -> None:
    assert refused(data)[0] == "not_an_object"


def test_a_byte_order_mark_is_tolerated() -> None:
    assert read_bytes(b"\xef\xbb\xbf" + wire()) == read()
    assert refused(b"\xef\xbb\xbf\xef\xbb\xbf" + wire())[0] == "invalid_json"
    assert refused(b"\xef\xbb" + wire())[0] == "invalid_encoding"


def nested(levels: int, *, opening: str = "[", closing: str = "]", inside: str = "") -> bytes:
    """An event in which the deepest container is ``levels`` deep; the event is level 1, its old_data level 2."""
    text = '{"a":' + opening * (levels - 2) + inside + closing * (levels - 2) + "}"
    return wire(old_data="@@").replace(b'"@@"', text.encode())


@pytest.mark.parametrize(
    ("opening", "closing", "inside"), [("[", "]", ""), ('{"a":', "}", "1"), ('["[{",{"\\"[":', "}]", "1")]
)
def test_two_hundred_levels_are_taken_and_one_more_is_too_deep(opening: str, closing: str, inside: str) -> None:
    per_step = 2 if opening.startswith('["') else 1
    for fits, more in ((True, 0), (False, 1)):
        steps = (198 + more * per_step) // per_step
        data = wire(old_data="@@").replace(
            b'"@@"', ('{"a":' + opening * steps + inside + closing * steps + "}").encode()
        )
        if fits:
            assert read_bytes(data).old_data
            assert read_bytes(data[:-1] + b',"odd":NaN}').lossy
        else:
            assert refused(data)[0] == "too_deep"


def test_brackets_in_strings_have_no_depth() -> None:
    text = "[{" * 500 + '\\"' + "]" * 3 + "\\"
    assert read(old_data={"a": text}).old_data == {"a": text}
    after_a_backslash = {"a": "\\", "b": "[" * 300, "c": '\\"', "d": "{" * 300}
    assert read(old_data=after_a_backslash).old_data == after_a_backslash


def test_many_containers_side_by_side_are_not_deep() -> None:
    assert read(old_data={"a": [[]] * 5000, "b": [{"c": {}}] * 5000}).old_data


@pytest.mark.parametrize("data", [b"[" * 1_000_000, b'{"a":' * 1_000_000, b"[" * 1_000_000 + b"]" * 1_000_000])
def test_a_million_brackets_are_too_deep(data: bytes) -> None:
    assert refused(data)[0] == "too_deep"


def test_an_event_of_eight_mebibytes_is_taken_and_one_byte_more_is_too_large() -> None:
    room = MAX_EVENT_BYTES - len(wire(old_data={"a": ""}))
    assert read(old_data={"a": "x" * room}).old_data == {"a": "x" * room}
    assert refused(wire(old_data={"a": "x" * (room + 1)}))[0] == "too_large"


def test_a_rejection_names_the_first_fault_in_a_fixed_order() -> None:
    data = changed(table_id=None, action="x", old_data=1)
    assert refused(json.dumps(data).encode())[1].startswith("table_id")
    assert refused(json.dumps(dict(reversed(data.items()))).encode())[1].startswith("table_id")


# encode


def test_encode_is_the_inverse_of_decode() -> None:
    event = read(
        stream={"id": "s", "seq": 3},
        source="binlog",
        account_id="o",
        request_info__job="j",
        new_data={"a": [10**30, {"b": None}]},
    )
    assert read_bytes(encode(event)) == event


def test_encode_writes_one_line_without_what_is_not_there() -> None:
    written = encode(read(request_info__user=None, old_data=None, new_data={"a": "x\ny"}))
    assert b"\n" not in written
    assert b"null" not in written
    assert set(json.loads(written)) == set(WORKED) - {"old_data"}


def test_encode_writes_number_tokens_exactly() -> None:
    event = read_bytes(wire(new_data="@@").replace(b'"@@"', b'{"a":[119.00,1E5,-0],"b":' + b"9" * 5000 + b"}"))
    assert b'{"a":[119.00,1E5,-0],"b":' + b"9" * 5000 + b"}" in encode(event)


def test_encode_gives_a_sender_its_own_id_back() -> None:
    event = read(event_id="order-17")
    assert json.loads(encode(event))["event_id"] == "order-17"
    assert read_bytes(encode(event)) == event


def test_encode_does_not_write_what_a_decoder_finds_out() -> None:
    event = read(source=True, old_data=None)
    assert event.lossy
    assert event.one_sided
    assert not {"lossy", "one_sided", "sent_id"} & set(json.loads(encode(event)))


def test_encode_refuses_what_is_no_json_value() -> None:
    with pytest.raises(TypeError, match="not a JSON value"):
        encode(read().__class__(**{**_fields(read()), "new_data": {"a": object()}}))


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_times_are_kept_to_the_microsecond() -> None:
    event = read(request_info__time_stamp="2020-07-29T19:45:00.123456Z")
    assert read_bytes(encode(event)).request_info.time_stamp - event.request_info.time_stamp == timedelta(0)
