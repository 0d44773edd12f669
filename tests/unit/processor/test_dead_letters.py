from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime

import pytest

from byline.bucket.folder import FolderBucket
from byline.errors import UsageError
from byline.history.port import DeadLetter
from byline.processor import batch
from byline.processor.dead_letters import DeadLetterBox
from byline.processor.lines import KEPT_RAW, MAX_EVENT
from byline.queue.port import DeadMessage
from byline.queue.sqlite import SqliteQueue
from tests.acceptance.samples import kill_deliveries, line
from tests.unit.processor.conftest import Road

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def box(road: Road) -> DeadLetterBox:
    return DeadLetterBox(road.bucket, road.queue, road.history)


def only(box: DeadLetterBox) -> DeadLetter:
    (letter,) = box.letters()
    return box.get(letter.id)


def give_up(road: Road, *keys: str, bucket: str | None = None) -> None:
    road.announce(*keys, bucket=bucket)
    kill_deliveries(road.queue, 5)


def test_a_letter_holds_where_and_what_the_trouble_is(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.ndjson", line() + b"\n{broken\n")
    road.processor.run()
    letter = only(box)
    assert (letter.key, letter.line, letter.reason) == ("events/a.ndjson", 2, "invalid_json")
    assert (letter.offset, letter.size, letter.raw) == (len(line()) + 1, 7, b"{broken")
    (info,) = road.bucket.list()
    assert letter.received_at == info.last_modified
    assert b"".join(box.raw(letter)) == b"{broken"


@pytest.mark.parametrize("size", [KEPT_RAW + 1, MAX_EVENT + 1_000_000])
def test_all_of_a_long_line_is_read_back_from_the_bucket(road: Road, box: DeadLetterBox, size: int) -> None:
    trouble = b"x" * (size - 3) + b"end"
    road.bucket.put("events/a.ndjson.gz", gzip.compress(line() + b"\n" + trouble + b"\n" + line(1)))
    assert road.processor.run().events == 2
    letter = only(box)
    assert letter.raw == trouble[:KEPT_RAW]
    assert b"".join(box.raw(letter)) == trouble


def test_the_bytes_of_a_conflicting_event_are_read_back_from_the_bucket(road: Road, box: DeadLetterBox) -> None:
    other = line(1, action="delete")
    road.bucket.put("events/a.ndjson", line(1) + b"\n" + other)
    road.processor.run()
    letter = only(box)
    assert letter.reason == "conflicting_event"
    assert b"".join(box.raw(letter)) == other


def test_the_bytes_of_an_event_that_had_to_give_way_are_read_back_from_the_bucket(
    road: Road, box: DeadLetterBox
) -> None:
    later = line(1, action="delete")
    road.bucket.put("events/a.ndjson", b"\n" + later)
    road.processor.run()
    road.bucket.put("events/b.ndjson", line(1))
    os.utime(road.data / "bucket/events/b.ndjson", (1_000_000_000, 1_000_000_000))
    road.processor.run()
    letter = only(box)
    assert (letter.key, letter.line) == ("events/a.ndjson", 2)
    assert b"".join(box.raw(letter)) == later


def test_a_replay_of_what_is_still_broken_is_refused(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.ndjson", line() + b"\n{broken\n[]")
    road.processor.run()
    before = sorted(letter.id for letter in box.letters())
    outcomes = list(box.replay(before))
    assert [outcome.accepted for outcome in outcomes] == [False, False]
    assert {outcome.letter.reason for outcome in outcomes if outcome.letter} == {"invalid_json", "not_an_object"}
    assert sorted(letter.id for letter in box.letters()) == before


def test_a_replay_is_accepted_once_the_trouble_is_over(road: Road, box: DeadLetterBox) -> None:
    road.announce("events/late.json")
    road.processor.run()
    letter = only(box)
    (refused,) = box.replay([letter.id])
    assert (refused.accepted, refused.letter and refused.letter.reason) == (False, "object_missing")
    road.bucket.put("events/late.json", line())
    (accepted,) = box.replay([letter.id])
    assert (accepted.accepted, accepted.letter) == (True, None)
    assert box.counts.events == 1
    assert list(box.letters()) == []


def test_what_the_queue_gave_up_is_a_letter_until_it_is_replayed(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.json", line())
    give_up(road, "events/a.json")
    letter = only(box)
    assert (letter.key, letter.line, letter.reason) == ("events/a.json", None, "gave_up")
    assert road.processor.run().events == 0, "nobody tries it again by himself"
    (outcome,) = box.replay([letter.id])
    assert outcome.accepted
    assert list(box.letters()) == []
    assert road.queue.depth().dead == 0


def test_a_replay_of_many_looks_into_the_queue_no_oftener_than_of_one(
    road: Road, box: DeadLetterBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def dead() -> list[DeadMessage]:
        nonlocal looks
        looks += 1
        return SqliteQueue.dead(road.queue)

    monkeypatch.setattr(road.queue, "dead", dead)
    for many in (1, 20):
        keys = [f"events/{many}-{number}.json" for number in range(many)]
        for number, key in enumerate(keys):
            road.bucket.put(key, line(100 * many + number))
        give_up(road, *keys)
        ids = [letter.id for letter in box.letters()]
        assert len(ids) == many
        looks = 0
        assert all(outcome.accepted for outcome in box.replay(ids))
        assert looks == 2, "once for the letters, once to forget those that are settled"


def test_letters_that_the_queue_gave_up_are_listed_without_a_look_into_the_bucket_for_each(
    road: Road, box: DeadLetterBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"events/{number}.json" for number in range(30)]
    for number, key in enumerate(keys):
        road.bucket.put(key, line(number))
    give_up(road, *keys)
    ids = {letter.id for letter in box.letters()}
    dismissed = min(ids)
    box.dismiss(dismissed, "known", by="ann", at=NOW)
    opened: list[str] = []
    monkeypatch.setattr(road.bucket, "open", lambda key: opened.append(key) or FolderBucket.open(road.bucket, key))
    assert {letter.id for letter in box.letters()} == ids - {dismissed}
    assert opened == [f"dismissals/{dismissed}.json"]


def test_a_letter_that_is_given_up_stays_one_where_the_fault_is_still_there(
    road: Road, box: DeadLetterBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    road.bucket.put("events/a.json", line())
    monkeypatch.setattr(batch, "entry", fail)
    road.processor.run()
    letter = only(box)
    (outcome,) = box.replay([letter.id])
    assert not outcome.accepted
    assert outcome.letter is not None
    assert outcome.letter.detail == "a fault of ours"
    monkeypatch.undo()
    assert [one.accepted for one in box.replay([letter.id])] == [True]


def test_what_was_given_up_and_taken_since_is_no_letter_any_more(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.json", line())
    give_up(road, "events/a.json")
    road.announce("events/a.json")
    road.processor.run()
    assert list(box.letters()) == []
    road.processor.sweep()
    assert road.queue.depth().dead == 0


def test_what_was_given_up_of_another_bucket_hides_no_object_of_ours(road: Road, box: DeadLetterBox) -> None:
    give_up(road, "events/a.json", bucket="somebody-elses")
    road.bucket.put("events/a.json", line())
    assert list(box.letters()) == []
    assert road.processor.run().events == 1
    assert road.reasons() == {("somebody-elses/events/a.json", None): "foreign_bucket"}
    assert road.queue.depth().dead == 0


def test_what_was_given_up_and_is_no_object_of_events_is_never_read_as_one(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("answers/a.json", line())
    give_up(road, "answers/a.json")
    assert list(box.letters()) == []
    assert road.processor.run().events == 0
    assert road.queue.depth().dead == 0


def test_a_letter_of_another_bucket_is_refused_for_ever(road: Road, box: DeadLetterBox) -> None:
    road.announce("events/a.json", bucket="somebody-elses")
    road.processor.run()
    (outcome,) = box.replay([only(box).id])
    assert (outcome.accepted, outcome.letter and outcome.letter.reason) == (False, "foreign_bucket")


def test_a_dismissed_letter_is_not_listed_and_can_be_shown(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.json", b"{")
    road.processor.run()
    letter = only(box)
    box.dismiss(letter.id, "sent by mistake", by="ann", at=NOW)
    assert list(box.letters()) == []
    assert [one.id for one in box.letters(dismissed=True)] == [letter.id]
    assert box.get(letter.id).dismissed_because == "sent by mistake"


def test_the_first_reason_of_a_dismissal_stands(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.json", b"{")
    road.processor.run()
    letter = only(box)
    box.dismiss(letter.id, "first", by="ann", at=NOW)
    assert box.dismiss(letter.id, "second", by="bob", at=NOW).because == "first"
    assert box.get(letter.id).dismissed_because == "first"


def test_what_the_queue_gave_up_can_be_dismissed(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.json", line())
    give_up(road, "events/a.json")
    box.dismiss(only(box).id, "known", by="ann", at=NOW)
    assert list(box.letters()) == []
    assert road.processor.sweep() == 0


@pytest.mark.parametrize("because", ["", "  \n"])
def test_a_dismissal_needs_a_reason(road: Road, box: DeadLetterBox, because: str) -> None:
    road.bucket.put("events/a.json", b"{")
    road.processor.run()
    with pytest.raises(UsageError, match="reason"):
        box.dismiss(only(box).id, because, by="ann", at=NOW)


def test_a_dismissal_from_another_machine_is_learnt_by_the_sweep(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.json", b"{")
    road.processor.run()
    letter = only(box)
    road.bucket.put(
        f"dismissals/{letter.id}.json",
        b'{"dead_letter": "%s", "because": "known", "by": "ann", "at": "2024-05-06T07:08:09Z"}' % letter.id.encode(),
    )
    road.processor.sweep()
    assert list(box.letters()) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"dead_letter": "other", "because": "x", "by": "x", "at": "2024-05-06T07:08:09Z"}']
)
def test_what_is_no_dismissal_dismisses_nothing(road: Road, box: DeadLetterBox, content: bytes) -> None:
    road.bucket.put("events/a.json", b"{")
    road.processor.run()
    road.bucket.put(f"dismissals/{only(box).id}.json", content)
    road.processor.sweep()
    assert only(box).dismissed_because is None


def test_a_dismissal_too_long_to_be_read_back_is_refused_and_one_that_others_laid_there_ignored(
    road: Road, box: DeadLetterBox
) -> None:
    road.bucket.put("events/a.json", b"{")
    road.processor.run()
    letter = only(box)
    with pytest.raises(UsageError, match="too long"):
        box.dismiss(letter.id, "x" * (64 << 10), by="ann", at=NOW)
    dismissal = {"dead_letter": letter.id, "because": "x" * (64 << 10), "by": "ann", "at": NOW.isoformat()}
    assert road.bucket.put(f"dismissals/{letter.id}.json", json.dumps(dismissal).encode()), "nothing was written before"
    road.processor.sweep()
    assert only(box).dismissed_because is None


@pytest.mark.parametrize("id", ["0123456789abcdef", "\udcff"])
def test_a_letter_that_is_not_there_is_told(box: DeadLetterBox, id: str) -> None:
    with pytest.raises(UsageError, match="no dead letter"):
        box.get(id)
    with pytest.raises(UsageError, match="no dead letter"):
        list(box.replay([id]))


def test_a_limit_counts_letters_of_both_kinds(road: Road, box: DeadLetterBox) -> None:
    road.bucket.put("events/a.ndjson", b"{\n[\n(")
    road.processor.run()
    road.bucket.put("events/b.json", line())
    give_up(road, "events/b.json")
    assert [len(list(box.letters(limit=limit))) for limit in (1, 2, 4, 0)] == [1, 2, 4, 4]
