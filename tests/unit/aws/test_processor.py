"""The processor on Lambda, with real stores in a folder: what SQS hands over is taken, and the rest reported."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime

import pytest
import zstandard

from byline.aws.processor import handler
from byline.errors import Unreachable, UsageError
from byline.model.query import Query
from tests.acceptance.samples import line, lines
from tests.unit.aws.conftest import Call, batch, failed, figures, record

EVENTS = "events/micro_service_name=catalogue/date=2024-02-03/hour=04"


def stored(place) -> int:
    return len(place.history.reader.events(Query(limit=200)).rows)


def test_what_is_handed_over_is_in_the_history_when_the_handler_returns(place):
    keys = [place.put(f"{EVENTS}/{n}.json", line(n)) for n in range(3)]
    assert failed(handler(batch(*map(place.message, keys)), Call())) == []
    assert stored(place) == 3


def test_one_that_fails_is_reported_and_keeps_none_of_its_neighbours(place):
    messages = [place.message(place.put(f"{EVENTS}/{n}.json", line(n))) for n in range(2)]
    lost = place.message(f"{EVENTS}/never-put.json")
    assert failed(handler(batch(messages[0], lost, messages[1]), Call())) == [lost["messageId"]]
    assert stored(place) == 2


def test_an_object_that_stays_away_becomes_a_dead_letter(place):
    lost = place.message(f"{EVENTS}/never-put.json", count=3)
    assert failed(handler(batch(lost), Call())) == []
    assert place.reasons() == {f"{EVENTS}/never-put.json": "object_missing"}


def test_a_message_twice_is_taken_once(place):
    message = place.message(place.put(f"{EVENTS}/1.json", line(1)))
    for _ in range(2):
        assert failed(handler(batch(message, {**message, "messageId": "again", "receiptHandle": "r"}), Call())) == []
    assert stored(place) == 1


def test_a_wrong_bucket_is_refused_and_not_read(place):
    place.put(f"{EVENTS}/1.json", line(1))
    assert failed(handler(batch(place.message(f"{EVENTS}/1.json", bucket="somebody-else-s")), Call())) == []
    assert place.reasons() == {f"somebody-else-s/{EVENTS}/1.json": "foreign_bucket"}
    assert stored(place) == 0


def test_a_message_that_nobody_understands_becomes_a_dead_letter_with_its_body(place):
    junk = record("¡hola!\ud800")
    assert failed(handler(batch(junk, place.message(place.put(f"{EVENTS}/1.json", line(1)))), Call())) == []
    (letter,) = place.history.dead_letters.list()
    assert (letter.key, letter.reason) == (f"messages/{junk['messageId']}", "invalid_json")
    assert place.history.dead_letters.get(letter.id).raw == "¡hola!\\ud800".encode()
    assert stored(place) == 1


def test_a_test_event_of_s3_is_taken_without_a_word(place):
    assert failed(handler(batch(record('{"Service":"Amazon S3","Event":"s3:TestEvent"}')), Call())) == []
    assert place.reasons() == {}


def test_a_message_of_several_records_is_reported_whole_when_one_of_them_fails(place):
    there = json.loads(place.message(place.put(f"{EVENTS}/1.json", line(1)))["body"])["Records"]
    gone = json.loads(place.message(f"{EVENTS}/gone.json")["body"])["Records"]
    message = record(json.dumps({"Records": [*there, *gone]}))
    assert failed(handler(batch(message), Call())) == [message["messageId"]]
    assert stored(place) == 1


def test_bad_lines_are_dead_letters_and_no_failures(place):
    key = place.put(f"{EVENTS}/1.ndjson", line(1) + b"\n{broken\n" + line(2) + b"\n")
    assert failed(handler(batch(place.message(key)), Call())) == []
    assert (stored(place), place.reasons()) == (2, {key: "invalid_json"})


def test_nothing_is_begun_when_the_time_is_up_and_all_of_it_is_reported(place):
    messages = [place.message(place.put(f"{EVENTS}/{n}.ndjson", lines(range(n, n + 2)))) for n in range(3)]
    answer = handler(batch(*messages), Call(seconds=0.0))
    assert failed(answer) == [message["messageId"] for message in messages]
    assert failed(handler(batch(*messages), Call())) == []


def test_nothing_is_begun_when_the_time_is_up_whatever_it_is(place):
    """Each of them takes a question to bucket or history, though there is nothing to read in it."""
    empty = place.message(place.put(f"{EVENTS}/empty.ndjson", b""))
    foreign = place.message(f"{EVENTS}/1.json", bucket="somebody-else-s")
    missing = place.message(f"{EVENTS}/never-put.json", count=3)
    messages = [empty, foreign, record("junk"), missing]
    assert len(failed(handler(batch(*messages), Call(seconds=0.0)))) == 4
    assert place.reasons() == {}
    assert failed(handler(batch(*messages), Call())) == []
    assert len(place.reasons()) == 3


def test_a_call_ends_in_time_also_within_one_chunk_of_a_small_object_with_much_inside(place):
    """Work for a minute, in a call that has three seconds: what came before is stored, and the rest comes back."""
    messages = [place.message(place.put(f"{EVENTS}/{n}.ndjson", line(n))) for n in range(3)]
    small = zstandard.compress(line(9, event_id=None) * 1 + (b"\n" + line(9, event_id=None)) * 400_000)
    assert len(small) < 1 << 20
    messages.append(place.message(place.put(f"{EVENTS}/many.ndjson.zst", small)))
    answer = handler(batch(*messages), Call(seconds=3.0))
    assert failed(answer) == [messages[-1]["messageId"]]
    assert place.history.writer.taken({f"{EVENTS}/{n}.ndjson" for n in range(3)} | {f"{EVENTS}/many.ndjson.zst"}) == {
        f"{EVENTS}/{n}.ndjson" for n in range(3)
    }


def test_a_history_that_is_down_fails_the_call_and_takes_nothing_with_it(place):
    message = place.message(place.put(f"{EVENTS}/1.json", line(1)))
    shutil.move(place.data / "history.db", place.data / "away.db")
    (place.data / "history.db").mkdir()
    with pytest.raises(Unreachable):
        handler(batch(message), Call())
    (place.data / "history.db").rmdir()
    shutil.move(place.data / "away.db", place.data / "history.db")
    assert failed(handler(batch(message), Call())) == []
    assert stored(place) == 1


@pytest.mark.parametrize("event", [{}, {"Records": [{}]}, {"Records": None}, {"Records": [{"messageId": "m"}]}])
def test_an_event_of_something_else_is_refused_in_a_sentence(place, event):
    with pytest.raises(UsageError, match="no event of SQS"):
        handler(event, Call())


def test_a_call_tells_its_figures_in_cloudwatch_s_format(place, capsys):
    key = place.put(f"{EVENTS}/1.ndjson", lines(range(3)) + b"{\n")
    call = Call()
    handler(batch(record(place.message(key)["body"], age=60), place.message(f"{EVENTS}/gone.json")), call)
    told = figures(capsys.readouterr().out)
    assert {name: told[name] for name in ("Objects", "Events", "Changes", "Duplicates", "DeadLetters")} == {
        "Objects": 1,
        "Events": 3,
        "Changes": 6,
        "Duplicates": 0,
        "DeadLetters": 1,
    }
    assert (told["Messages"], told["Failures"], told["request_id"]) == (2, 1, call.aws_request_id)
    assert 60 <= told["OldestMessage"] < 600
    (described,) = told["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "Byline"
    assert all(told[dimension] for dimensions in described["Dimensions"] for dimension in dimensions)
    assert {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}["OldestMessage"] == "Seconds"
    assert all(isinstance(told[metric["Name"]], int | float) for metric in described["Metrics"])
    at = datetime.fromtimestamp(told["_aws"]["Timestamp"] / 1000, UTC)
    assert abs(at.timestamp() - time.time()) < 600
