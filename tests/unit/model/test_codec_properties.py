"""What holds for the codec on any bytes (DESIGN §3)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from byline.errors import Rejected
from byline.model import codec_tolerant, envelope
from byline.model.codec import decode, encode
from byline.model.event import AuditEvent, RequestInfo, Stream, User
from byline.model.jsontext import json_text, parse
from byline.model.values import same
from tests.unit.model.made import WORKED, changed, states, values

text = st.one_of(st.none(), st.text(max_size=8))
moments = st.datetimes(timezones=st.just(UTC))
users = st.builds(User, text, text, text, text)


@st.composite
def events(draw: st.DrawFn) -> AuditEvent:
    user = draw(st.one_of(st.none(), users))
    action = draw(st.sampled_from(["create", "update", "delete"]))
    old = draw(st.one_of(st.none(), states)) if action != "create" else None
    new = draw(st.one_of(st.none(), states)) if action != "delete" else None
    return AuditEvent(
        event_id=UUID(int=draw(st.integers(0, 2**128 - 1)) & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62),
        account_id=draw(st.text(max_size=5)) if user is None or user.account_id is None else user.account_id,
        table_id=draw(st.text(min_size=1)),
        entity_id=draw(st.text(min_size=1)),
        micro_service_name=draw(st.text(min_size=1)),
        action=action,
        old_data=old,
        new_data=new,
        request_info=RequestInfo(
            time_stamp=draw(moments),
            ip_address=draw(text),
            request_id=draw(
                st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=128))
            ),
            trace_id=draw(text),
            job=draw(text),
            verified_by=draw(text),
            user=user,
            miscellaneous=draw(st.one_of(st.none(), states)),
        ),
        stream=draw(st.one_of(st.none(), st.builds(Stream, st.text(max_size=5), st.integers(0, 2**63 - 1)))),
        source=draw(text),
        one_sided=action == "update" and (old is None or new is None),
    )


@given(events())
def test_decode_gives_back_what_encode_was_given(event: AuditEvent) -> None:
    written = encode(event)
    back = decode(written, key="k", line=1)
    assert back == event
    assert encode(back) == written


FIELDS = [
    "event_id",
    "account_id",
    "table_id",
    "entity_id",
    "micro_service_name",
    "action",
    "old_data",
    "new_data",
    "request_info",
]
FIELDS += ["stream", "source", "unknown", *(f"request_info__{name}" for name in WORKED["request_info"])]
FIELDS += [f"request_info__user__{name}" for name in WORKED["request_info"]["user"]]


def _document(fields: dict[str, Any]) -> bytes:
    document: dict[str, Any] = changed()
    for path, value in sorted(fields.items()):
        *parents, last = path.split("__")
        holder = document
        for parent in parents:
            holder = holder[parent] if isinstance(holder.get(parent), dict) else {}
        holder[last] = value
    return json_text(document).encode()


documents = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4).map(_document)


@given(documents, st.integers(0, 3))
def test_both_parsers_give_the_same_event(data: bytes, spaces: int) -> None:
    data = data.replace(b":", b":" + b" " * spaces) if spaces else data
    try:
        document = parse(data)
    except ValueError:
        return
    other, lossy = codec_tolerant.parse(data)
    assert not lossy
    assert same(document, other)
    assert json_text(document) == json_text(other)
    assert _outcome(document) == _outcome(other)


def _outcome(document: Any) -> Any:
    try:
        return envelope.read(document, key="k", line=1, lossy=False)
    except Rejected as rejected:
        return rejected.reason, rejected.detail


@given(documents)
def test_an_event_with_any_values_is_read_or_rejected(data: bytes) -> None:
    decode_or_reject(data)


def decode_or_reject(data: bytes) -> None:
    try:
        event = decode(data, key="k", line=1)
    except Rejected as rejected:
        detail = rejected.detail
    else:
        assert event == decode(data, key="k", line=1)
        encode(event)
        return
    assert detail
    assert "\n" not in detail
    assert len(detail) < 300


@given(st.binary(max_size=60))
@example(b"\xff\xfe{")
@example(b'{"a":"\\ud800')
@example(b"-")
@example(b"[" * 5000)
@example(b'{"' * 5000)
def test_decode_raises_nothing_but_its_own_rejection_on_any_bytes(data: bytes) -> None:
    decode_or_reject(data)


SNIPPETS = [
    b"\x00",
    b"\xff",
    b'"',
    b"\\",
    b"\\u",
    b"\\ud800",
    b"NaN",
    b"-Infinity",
    b"-0",
    b"1e999",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
]
SNIPPETS += [
    b"null",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"9" * 4400,
    b"[" * 300,
    b"\xed\xa0\x80",
    b"1.0",
    b'"action":',
    b"true",
    b"/*",
]


@given(st.data())
def test_decode_raises_nothing_but_its_own_rejection_on_damaged_events(data: st.DataObject) -> None:
    damaged = json.dumps(WORKED).encode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        end = min(len(damaged), start + data.draw(st.integers(0, 12)))
        damaged = (
            damaged[:start] + data.draw(st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=3))) + damaged[end:]
        )
    decode_or_reject(damaged)


@given(values)
def test_a_value_never_rejects_an_event(value: Any) -> None:
    document = changed(old_data={"x": value}, new_data={"y": value}, request_info__miscellaneous={"z": value})
    event = decode(json_text(document).encode(), key="k", line=1)
    assert same(event.old_data, {"x": value})
    assert same(event.new_data, {"y": value})


@given(st.text(st.characters(categories=["Cs", "Cc", "L", "N"]), max_size=10))
def test_no_text_rejects_an_event(odd: str) -> None:
    document = changed(old_data={odd: odd, "a": [odd]}, request_info__ip_address=odd)
    event = decode(json.dumps(document).encode(), key="k", line=1)
    # json.dumps writes a high and a low surrogate in a row as the pair of one character
    paired = odd.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass") if _pairs(odd) else odd
    lone = any("\ud800" <= character <= "\udfff" for character in paired)
    assert event.lossy is lone
    if not lone:
        assert event.old_data == {paired: paired, "a": [paired]}


def _pairs(odd: str) -> bool:
    try:
        odd.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return True


def test_a_moment_without_microseconds_is_read_back() -> None:
    assert (
        datetime(2020, 1, 1, tzinfo=UTC)
        == decode(
            json.dumps(changed(request_info__time_stamp="2020-01-01T00:00:00Z")).encode(), key="", line=1
        ).request_info.time_stamp
    )
