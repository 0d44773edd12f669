"""``record`` takes whatever a service gives, and never stands in the service's way."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from byline.capture import complaints
from byline.capture.buffer import Buffer
from byline.capture.context import bind
from byline.capture.memory import MemorySink
from byline.capture.port import SinkStats
from byline.capture.recorder import Recorder
from byline.capture.redaction import Masking
from byline.capture.spool import Spool
from byline.capture.stream import EventIds
from byline.errors import RecordError, SinkError, UsageError
from byline.model.event import Stream, User
from tests import markdown

NOON = datetime(2026, 7, 26, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def recorder(sink: MemorySink) -> Recorder:
    return Recorder("shop", sink, on_error="raise", clock=lambda: NOON)


class Refusing(MemorySink):
    """As a full spool does."""

    def accept(self, line: bytes) -> None:
        raise SinkError("the spool is full", hint="Make room.")


# --- what an event says ---


def test_an_event_says_who_did_what_when_and_in_which_request(recorder: Recorder, sink: MemorySink) -> None:
    user = User(account_id="a", user_id="u", email="u@example.org", user_name="U")
    with bind(
        "request-1", user, trace_id="t" * 32, ip_address="203.0.113.7", user_agent="curl/8", miscellaneous={"shop": 7}
    ):
        event_id = recorder.record("update", "products", 1, old={"price": 1}, new={"price": 2}, account_id="owner")
    [event] = sink.events
    assert event.event_id == event_id
    assert (event.micro_service_name, event.action, event.table_id, event.entity_id) == (
        "shop",
        "update",
        "products",
        "1",
    )
    assert (event.old_data, event.new_data, event.account_id) == ({"price": 1}, {"price": 2}, "owner")
    info = event.request_info
    assert (info.time_stamp, info.request_id, info.trace_id, info.ip_address) == (
        NOON,
        "request-1",
        "t" * 32,
        "203.0.113.7",
    )
    assert info.user == user
    assert info.miscellaneous == {"user_agent": "curl/8", "shop": 7}
    assert event.stream == Stream(recorder.stats().stream_id, 1)
    assert event.source is None
    assert not event.lossy


def test_the_actor_is_asked_for_when_the_event_is_made(recorder: Recorder, sink: MemorySink) -> None:
    signed_in: list[User] = []
    with bind(actor=lambda: signed_in[-1] if signed_in else None, verified_by="gateway"):
        recorder.record("create", "t", 1)
        signed_in.append(User(user_id="late"))
        recorder.record("create", "t", 2)
    assert [event.request_info.user for event in sink.events] == [None, User(user_id="late")]
    assert [event.request_info.verified_by for event in sink.events] == [None, "gateway"]


def test_without_a_context_an_event_is_a_request_of_its_own(recorder: Recorder, sink: MemorySink) -> None:
    recorder.record("create", "t", 1)
    recorder.record("create", "t", 2)
    ids = [event.request_info.request_id for event in sink.events]
    assert None not in ids
    assert len(set(ids)) == 2


def test_a_job_is_named(recorder: Recorder, sink: MemorySink) -> None:
    with bind(job="nightly"):
        recorder.record("delete", "t", 1, old={"a": 1})
    assert sink.events[0].request_info.job == "nightly"
    assert sink.events[0].new_data is None


def test_what_a_call_adds_to_miscellaneous_wins_over_the_context(recorder: Recorder, sink: MemorySink) -> None:
    with bind(miscellaneous={"a": 1, "b": 1}):
        recorder.record("create", "t", 1, miscellaneous={"b": 2, "c": b"\x00"})
    assert sink.events[0].request_info.miscellaneous == {"a": 1, "b": 2, "c": "base64:AA=="}


def test_a_key_of_ours_in_miscellaneous_is_not_lost(recorder: Recorder, sink: MemorySink) -> None:
    recorder.record("create", "t", 1, new={"a": "\ud800"}, miscellaneous={"byline": "mine"})
    assert sink.events[0].request_info.miscellaneous == {"byline": {"repaired": ["new_data.a"]}, "byline (2)": "mine"}


def test_secrets_are_masked_unless_told_otherwise(sink: MemorySink) -> None:
    new = {"password": "hunter2", "deep": {"api_token": b"hunter2"}}
    Recorder("shop", sink).record("create", "users", 1, new=new, miscellaneous={"authorization": "Bearer hunter2"})
    assert b"hunter2" not in sink.lines[0]
    assert sink.events[0].new_data == {"password": "***", "deep": {"api_token": "***"}}
    Recorder("shop", sink, masking=Masking(names=())).record("create", "users", 1, new=new)
    assert b"hunter2" in sink.lines[1]


def test_a_masked_secret_in_text_that_must_be_repaired_stays_masked(recorder: Recorder, sink: MemorySink) -> None:
    recorder.record("create", "users", 1, new={"password": "hunter2\ud800", "name": "a\ud800"})
    assert b"hunter2" not in sink.lines[0]
    assert sink.events[0].new_data == {"password": "***", "name": "a\ufffd"}


def test_texts_of_the_envelope_are_repaired_too(recorder: Recorder, sink: MemorySink) -> None:
    with bind("r\ud800", User(user_name="n\ud800"), user_agent="a\ud800"):
        recorder.record("create", "t\ud800", "e\ud800")
    [event] = sink.events
    assert (event.table_id, event.entity_id, event.request_info.request_id) == ("t\ufffd", "e\ufffd", "r\ufffd")
    assert event.request_info.user == User(user_name="n\ufffd")
    assert event.request_info.miscellaneous is not None
    assert event.request_info.miscellaneous["user_agent"] == "a\ufffd"


# --- when ---


def test_a_time_stamp_that_is_given_wins_over_the_clock(recorder: Recorder, sink: MemorySink) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    given: list[Any] = [NOON.astimezone(india), NOON.replace(tzinfo=None), "2026-07-26T17:30:00.123456+05:30"]
    for when in given:
        recorder.record("create", "t", 1, time_stamp=when)
    assert {event.request_info.time_stamp for event in sink.events} == {NOON}


@pytest.mark.parametrize(
    "wrong", ["yesterday", 1_753_531_200, datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))]
)
def test_a_time_stamp_that_is_none_is_the_clock_s_and_marked(recorder: Recorder, sink: MemorySink, wrong: Any) -> None:
    recorder.record("create", "t", 1, time_stamp=wrong)
    assert sink.events[0].request_info.time_stamp == NOON
    assert sink.events[0].request_info.miscellaneous == {"byline": {"repaired": ["time_stamp"]}}


def test_a_table_may_bring_its_own_time_except_for_deletes(sink: MemorySink) -> None:
    recorder = Recorder("shop", sink, clock=lambda: NOON, time_stamps={"orders": "updated_at"})
    earlier = NOON - timedelta(days=1)
    recorder.record("update", "orders", 1, old={}, new={"updated_at": earlier})
    recorder.record("UPDATE", "orders", 1, old={}, new={"updated_at": None})
    recorder.record("delete", "orders", 1, old={"updated_at": earlier})
    recorder.record("update", "others", 1, old={}, new={"updated_at": earlier})
    assert [event.request_info.time_stamp for event in sink.events] == [earlier, NOON, NOON, NOON]


def test_a_clock_that_was_stopped_by_a_subclass_of_datetime_is_a_clock(
    recorder: Recorder, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries that stop the clock in tests put a class of their own in the place of datetime, in every module."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Stopped:
            return cls(2026, 7, 26, tzinfo=tz)

    for name, module in list(sys.modules.items()):
        if name.startswith("byline.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Stopped)
    stopped = Stopped.now(UTC)
    Recorder("shop", sink, on_error="raise").record("create", "t", 1, new={"a": stopped})
    Recorder("shop", sink, on_error="raise").record("create", "t", 1, new={"a": stopped}, time_stamp=stopped)
    assert [event.request_info.time_stamp for event in sink.events] == [datetime(2026, 7, 26, tzinfo=UTC)] * 2
    assert [event.new_data for event in sink.events] == [{"a": "2026-07-26T00:00:00Z"}] * 2


# --- the failure policy ---


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_a_failure_is_counted_and_logged_and_the_service_goes_on(action: str, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder("shop", Refusing())
    with caplog.at_level(logging.ERROR, logger="byline"):
        assert [recorder.record(action, "t", 1, new={}) for _ in range(3)] == [None] * 3
    assert recorder.stats().failed == 3
    assert recorder.stats().last_error == "the spool is full. Make room."
    assert [record.message for record in caplog.records] == [
        "an event of 't' was not recorded: the spool is full. Make room."
    ]


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_a_failure_is_raised_where_that_was_chosen(action: str) -> None:
    recorder = Recorder("shop", Refusing(), on_error="raise")
    with pytest.raises(SinkError):
        recorder.record(action, "t", 1, new={})
    assert recorder.stats().failed == 1


def test_a_later_line_of_the_log_says_how_many_were_not_said() -> None:
    now = [0.0]
    said = complaints.Complaints(interval=60, clock=lambda: now[0])
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    complaints.log.addHandler(handler)
    try:
        for now[0] in (0.0, 1.0, 59.0, 61.0):
            said.say("kind", "full")
        said.say("other", "slow")
    finally:
        complaints.log.removeHandler(handler)
    assert messages == ["full", "full (and 2 more of its kind before)", "slow"]


@pytest.mark.parametrize(
    ("action", "table", "entity"),
    [
        ("upsert", "t", 1),
        (None, "t", 1),
        ("create", "", 1),
        ("create", None, 1),
        ("create", "t", None),
        ("create", "t", ""),
        ("create", "t", []),
    ],
)
def test_an_envelope_that_would_be_a_dead_letter_is_a_failure_here(
    recorder: Recorder, sink: MemorySink, action: Any, table: Any, entity: Any
) -> None:
    with pytest.raises(RecordError) as raised:
        recorder.record(action, table, entity)
    assert raised.value.hint
    assert sink.lines == []


def test_the_number_of_an_event_that_failed_is_missing_from_its_stream(recorder: Recorder, sink: MemorySink) -> None:
    recorder.record("create", "t", 1)
    with pytest.raises(RecordError):
        recorder.record("create", "t", None)
    recorder.record("create", "t", 3)
    assert [event.stream.seq for event in sink.events if event.stream] == [1, 3]


def test_whatever_a_sink_raises_is_a_failure_and_no_crash() -> None:
    class Odd(MemorySink):
        def accept(self, line: bytes) -> None:
            raise ZeroDivisionError("odd")

    assert Recorder("shop", Odd()).record("create", "t", 1) is None
    with pytest.raises(RecordError, match="odd"):
        Recorder("shop", Odd(), on_error="raise").record("create", "t", 1)


def test_a_logging_handler_may_record_the_failure_of_recording() -> None:
    recorder = Recorder("shop", Refusing())

    class Recording(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            recorder.record("create", "log", 1, new={"message": record.getMessage()})

    handler = Recording()
    complaints.log.addHandler(handler)
    try:
        recorder.record("create", "t", 1)
    finally:
        complaints.log.removeHandler(handler)
    assert recorder.stats().failed == 2


def test_stats_count_what_was_cut_and_repaired(recorder: Recorder) -> None:
    own: list[Any] = []
    own.append(own)
    recorder.record("create", "t", 1, new={"a": own, "b": "\ud800"})
    recorder.record("create", "t", 1, new={"b": "\ud800"})
    stats = recorder.stats()
    assert (stats.cut, stats.repaired, stats.failed) == (1, 2, 0)
    assert isinstance(stats.sink, SinkStats)
    assert stats.sink.accepted == 2


# --- numbers and ids ---


def test_ids_are_uuidv7_in_order_also_when_the_clock_goes_back(sink: MemorySink) -> None:
    times = iter([NOON, NOON, NOON - timedelta(hours=1), NOON + timedelta(seconds=1)])
    recorder = Recorder("shop", sink, clock=lambda: next(times))
    ids = [recorder.record("create", "t", 1) for _ in range(4)]
    assert all(isinstance(id, UUID) and id.version == 7 for id in ids)
    assert ids == sorted(ids, key=str)
    assert len(set(ids)) == 4
    assert [event.sent_id for event in sink.events] == [None] * 4
    assert ids[0] is not None
    assert ids[0].int >> 80 == int(NOON.timestamp() * 1000)


def test_a_counter_that_runs_over_moves_on_to_the_next_millisecond() -> None:
    ids = EventIds()
    first = ids.next(1000)
    ids._now = (1000, count(1 << 42))
    second, third = ids.next(1000), ids.next(1000)
    assert first < second < third
    assert second.int >> 80 == 1001


def test_threads_get_ids_and_numbers_of_their_own(recorder: Recorder, sink: MemorySink) -> None:
    def work() -> None:
        for _ in range(300):
            recorder.record("create", "t", 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = sink.events
    assert sorted(event.stream.seq for event in events if event.stream) == list(range(1, 1201))
    assert len({event.event_id for event in events}) == 1200


# --- how one is made ---


def test_a_recorder_of_the_environment(tmp_path: Path) -> None:
    environ = {"BYLINE_DATA": str(tmp_path), "BYLINE_SERVICE": "shop", "BYLINE_DURABILITY": "fsync"}
    recorder = Recorder.from_env(environ)
    assert recorder.service == "shop"
    assert isinstance(recorder.sink, Spool)
    recorder.record("create", "t", 1, new={"a": 1})
    assert recorder.close(60)
    assert list((tmp_path / "bucket").rglob("*.ndjson.zst"))
    assert (tmp_path / "queue.db").exists()


def test_a_recorder_for_functions_with_no_disk(tmp_path: Path) -> None:
    environ = {"BYLINE_DATA": str(tmp_path), "BYLINE_SERVICE": "shop", "BYLINE_DURABILITY": "memory"}
    recorder = Recorder.from_env(environ, on_error="raise")
    assert isinstance(recorder.sink, Buffer)
    recorder.record("create", "t", 1)
    assert list(tmp_path.iterdir()) == []
    assert recorder.flush(60)
    assert list((tmp_path / "bucket").rglob("*.ndjson.zst"))
    recorder.close()


def test_nothing_is_made_before_something_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder.from_env({"BYLINE_DATA": str(tmp_path), "BYLINE_SERVICE": "shop"})
    assert list(tmp_path.iterdir()) == []
    assert recorder.close()


@pytest.mark.parametrize(
    ("environ", "word"),
    [({}, "service"), ({"BYLINE_SERVICE": "s", "BYLINE_DURABILITY": "perhaps"}, "BYLINE_DURABILITY"),
     ({"BYLINE_SERVICE": "s", "BYLINE_SPOOL_MAX_BYTES": "1k"}, "BYLINE_SPOOL_MAX_BYTES")],
)  # fmt: skip
def test_a_setting_that_is_wrong_is_named_at_the_start(environ: dict[str, str], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        Recorder.from_env(environ)


def test_a_policy_that_is_none_is_refused(sink: MemorySink) -> None:
    with pytest.raises(UsageError):
        Recorder("shop", sink, on_error="ignore")  # type: ignore[arg-type]


def test_the_page_on_recording_shows_code_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYLINE_DATA", str(tmp_path))
    monkeypatch.setenv("BYLINE_SERVICE", "shop")
    blocks = markdown.blocks((markdown.ROOT / "docs" / "reference" / "recording.md").read_text())
    snippets = [block.text for block in blocks if block.mark == "python"]
    assert len(snippets) == 2
    for snippet in snippets:
        exec(snippet, {})  # our own page
    assert list((tmp_path / "bucket").rglob("*.ndjson.zst"))
