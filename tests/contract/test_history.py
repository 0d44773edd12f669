"""What any history must do, whatever database it stands on: the writing half."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from byline.errors import HistoryError, SchemaOutdated
from byline.history.port import Counts, DeadLetter, History
from byline.model.device import Device
from byline.model.event import Stream, User
from byline.model.query import Query
from tests.contract.histories import open_history
from tests.contract.history_facts import at, change, entry, letter, part

EVERYTHING = Query(limit=100_000, order="oldest")


def rows(history: History, query: Query = EVERYTHING) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (row.event_id, row.attribute, row.previous_value, row.current_value)
        for row in history.reader.changes(query).rows
    ]


def test_what_is_taken_can_be_read(history: History) -> None:
    counts = history.writer.take(
        [part("a", [entry(1, change("title", "old", "new"), change("price", None, "9.90", "number"))])]
    )
    assert counts == Counts(objects=1, events=1, changes=2)
    found = history.reader.changes(EVERYTHING).rows
    assert [(row.attribute, row.previous_value, row.current_value) for row in found] == [
        ("price", None, "9.90"),
        ("title", "old", "new"),
    ]
    assert [(row.previous_type, row.current_type) for row in found] == [("absent", "number"), ("string", "string")]


def test_a_row_says_who_when_where_and_in_which_request(history: History) -> None:
    history.writer.take([part("a", [entry(1, action="create")])])
    row = history.reader.changes(EVERYTHING).rows[0]
    assert (row.date, row.time, row.occurred_at) == ("2024-05-01", "12:00:01", "2024-05-01T12:00:01.000000Z")
    assert (row.table_id, row.entity_id, row.microservice_name, row.action) == ("products", "1", "catalogue", "create")
    assert (row.account_id, row.user_id, row.user_email, row.user_name) == ("acme", "u1", "ann@acme.test", "Ann")
    assert (row.ip_address, row.request_id) == ("203.0.113.7", "3f0f6d4e-59c8-4b8f-9d0a-0d6a4c1f2b3a")
    assert (row.browser_name, row.device_type, row.os) == ("chrome", "web", "windows 10")


def test_what_is_not_known_is_null(history: History) -> None:
    nobody = entry(1, user=None, ip=None, request=None, account=None, device=Device())
    history.writer.take([part("a", [nobody, entry(2, user=User(user_id="u2"))])])
    first, second = history.reader.changes(EVERYTHING).rows
    unknown = (first.user_id, first.user_email, first.ip_address, first.request_id, first.account_id, first.os)
    assert unknown == (None,) * 6
    assert (second.user_id, second.user_email) == ("u2", None)


def test_an_event_in_which_nothing_changed_is_kept(history: History) -> None:
    unchanged = entry(1)
    unchanged = type(unchanged)(
        **{name: getattr(unchanged, name) for name in unchanged.__struct_fields__} | {"changes": ()}
    )
    assert history.writer.take([part("a", [unchanged])]).events == 1
    assert history.reader.changes(EVERYTHING).rows == []
    assert history.reader.events(EVERYTHING).rows[0].changes == []


def test_the_same_part_twice_is_the_same_rows(history: History) -> None:
    parts = [part("a", [entry(1), entry(2)], letter("a", 3))]
    history.writer.take(parts)
    before = rows(history)
    assert history.writer.take(parts) == Counts(duplicates=2)
    assert rows(history) == before
    assert len(list(history.dead_letters.list())) == 1


def test_one_event_in_two_objects_is_one_event(history: History) -> None:
    assert history.writer.take([part("a", [entry(1)]), part("b", [entry(1)])]) == Counts(
        objects=2, events=1, changes=1, duplicates=1
    )


def test_one_id_with_different_bytes_is_a_conflict_and_the_later_one_a_dead_letter(history: History) -> None:
    history.writer.take([part("a", [entry(1, data=b"first")])])
    before = rows(history)
    counts = history.writer.take([part("b", [entry(1, change("title", "x", "forged"), data=b"second"), entry(2)])])
    assert counts == Counts(objects=1, events=1, changes=1, dead_letters=1)
    assert rows(history)[: len(before)] == before
    (conflict,) = history.dead_letters.list()
    assert (conflict.reason, conflict.key, conflict.line) == ("conflicting_event", "events/b.ndjson", 1)


def test_of_a_conflict_the_one_that_was_written_first_stays_whichever_comes_first(history: History) -> None:
    earlier = replace(part("z", [entry(1, change("status", "a", "b"), data=b"first")]), received_at=at(10))
    later = replace(part("a", [entry(1, change("title", "x", "forged"), data=b"second")]), received_at=at(11))
    for order in ([earlier, later], [later, earlier]):
        for together in (True, False):
            history.writer.clear()
            for batch in [order] if together else [[one] for one in order]:
                history.writer.take(batch)
            assert [(row.attribute, row.current_value) for row in history.reader.changes(EVERYTHING).rows] == [
                ("status", "b")
            ]
            assert rows(history, Query(attribute="title")) == []
            assert rows(history, Query(attribute="title", current_value="forged")) == []
            (loser,) = history.dead_letters.list()
            assert (loser.reason, loser.key, loser.line) == ("conflicting_event", "events/a.ndjson", 1)
            history.writer.take(order)
            assert [one.id for one in history.dead_letters.list()] == [loser.id]


def test_an_earlier_copy_that_arrives_late_keeps_the_id_from_what_was_written_in_between(history: History) -> None:
    first, copy = (
        replace(part(name, [entry(1, data=b"true")]), received_at=at(when)) for name, when in (("z", 0), ("y", 2))
    )
    forged = replace(part("a", [entry(1, change("title", "x", "forged"), data=b"forged")]), received_at=at(1))
    for one in (copy, first, forged):
        history.writer.take([one])
    assert rows(history, Query(attribute="title", current_value="forged")) == []
    assert [row.object.key for row in history.reader.events(EVERYTHING).rows] == [first.key]
    (loser,) = history.dead_letters.list()
    assert loser.key == forged.key


def test_a_conflict_inside_one_batch_is_seen(history: History) -> None:
    counts = history.writer.take([part("a", [entry(1, data=b"first"), entry(1, data=b"second", line=2)])])
    assert (counts.events, counts.dead_letters) == (1, 1)


def test_an_object_counts_as_taken_only_when_its_last_part_is_stored(history: History) -> None:
    key = "events/a.ndjson"
    history.writer.take([part("a", [entry(1)], complete=False)])
    assert history.writer.taken([key]) == set()
    assert history.reader.arrivals().objects == []
    assert history.writer.take([part("a", [entry(2)])]).objects == 1
    assert history.writer.taken([key, "events/other.ndjson"]) == {key}
    assert history.reader.arrivals().objects == [(1, key)]


def test_arrival_numbers_have_no_gaps_and_never_change(history: History) -> None:
    for number in range(1, 6):
        history.writer.take([part(f"k{number}", [entry(number)])])
    history.writer.take([part("k3", [entry(3)]), part("k6", [entry(6)])])
    assert history.reader.arrivals().objects == [(number, f"events/k{number}.ndjson") for number in range(1, 7)]
    assert history.reader.arrivals(4, limit=1).objects == [(5, "events/k5.ndjson")]


def test_a_batch_that_fails_leaves_nothing_behind_and_the_next_one_is_whole(history: History) -> None:
    history.writer.take([part("a", [entry(1)])])
    before = rows(history)
    broken = entry(2, change("title", "old", "\udc00 no database takes this"), entity="never seen", table="never seen")
    with pytest.raises((HistoryError, UnicodeEncodeError)):
        history.writer.take([part("b", [broken])])
    assert rows(history) == before
    history.writer.take([part("c", [entry(3, entity="never seen", table="never seen")])])
    assert len(rows(history, Query(table_id="never seen", entity_id="never seen"))) == 1


def test_many_small_objects_share_a_batch(history: History) -> None:
    counts = history.writer.take([part(f"o{number}", [entry(number)]) for number in range(1, 1_501)])
    assert (counts.objects, counts.events) == (1_500, 1_500)
    assert len(history.writer.taken([f"events/o{number}.ndjson" for number in range(1, 1_501)])) == 1_500


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Title",
        "títle",
        "title ",
        "😀",
        "😁",
        "a" * 70_000,
        "é" * 300,
        "\0",
        "x\0y",
        "'; DROP TABLE events; --",
        "%_",
    ],
)
def test_every_text_comes_back_as_it_went_in(history: History, text: str) -> None:
    said = entry(
        1,
        change(text or "empty", text, text + "!"),
        table=text or "empty",
        entity=text or "empty",
        service=text or "empty",
        account=text,
        user=User(text, text, text, text),
        ip=text,
        job=text,
        trace=text,
        sent_id=text,
        stream=Stream(text or "empty", 7),
        request=text[:128],
    )
    history.writer.take([part("a", [said])])
    row = history.reader.events(EVERYTHING).rows[0]
    assert (row.table_id, row.entity_id, row.microservice_name) == (text or "empty",) * 3
    assert (row.account_id, row.user_account_id, row.user_id, row.user_email, row.user_name) == (text,) * 5
    assert (row.ip_address, row.job, row.trace_id, row.sent_id, row.request_id) == (text,) * 4 + (text[:128],)
    assert row.stream is not None
    assert (row.stream.id, row.stream.seq) == (text or "empty", 7)
    assert [(one.attribute, one.previous_value, one.current_value) for one in row.changes] == [
        (text or "empty", text, text + "!")
    ]


def test_texts_that_only_look_alike_stay_apart(history: History) -> None:
    alike = ["title", "Title", "títle", "title ", "tit\u200ble", "titlé", "title\0", "😀", "😁"]
    history.writer.take([part("a", [entry(n, table=name, entity=name) for n, name in enumerate(alike, 1)])])
    for name in alike:
        assert len(rows(history, Query(table_id=name, entity_id=name))) == 1


def test_extreme_moments_keep_their_microseconds(history: History) -> None:
    moments = [
        at(0).replace(year=1, month=1, day=1),
        at(0).replace(year=1969, microsecond=999_999),
        at(0).replace(year=9999, microsecond=1),
    ]
    history.writer.take([part("a", [entry(n, time=moment) for n, moment in enumerate(moments, 1)])])
    found = [row.occurred_at for row in history.reader.changes(EVERYTHING).rows]
    assert found == ["0001-01-01T12:00:00.000000Z", "1969-05-01T12:00:00.999999Z", "9999-05-01T12:00:00.000001Z"]


def test_dead_letters_are_listed_shown_and_counted(history: History) -> None:
    assert history.writer.take([part("a", [entry(1)], letter("a", 2), letter("a", None, second=5))]).dead_letters == 2
    listed = list(history.dead_letters.list())
    assert [one.line for one in listed] == [None, 2]
    assert all(one.raw == b"" for one in listed)
    shown = history.dead_letters.get(listed[1].id)
    assert shown is not None
    assert (shown.raw, shown.offset, shown.detail) == (b"{oops", 12, "a brace is missing")
    assert history.dead_letters.get("0" * 16) is None
    assert [one.line for one in history.dead_letters.list(limit=1)] == [None]


def test_a_dead_letter_is_gone_once_its_line_is_taken(history: History) -> None:
    history.writer.take([part("a", [entry(1)], letter("a", 2)), part("b", [], letter("b", 2))])
    history.writer.take([part("a", [entry(1), entry(2)])])
    assert [one.key for one in history.dead_letters.list()] == ["events/b.ndjson"]


def test_a_letter_behind_the_end_of_an_object_is_gone_once_the_object_is_read_to_its_end(history: History) -> None:
    history.writer.take([part("a", [entry(1)], letter("a", 5))])
    history.writer.take([part("a", [entry(1), entry(2)], complete=False)])
    assert [one.line for one in history.dead_letters.list()] == [5], "what is behind an unfinished part is not settled"
    history.writer.take([part("a", [entry(3)])])
    assert list(history.dead_letters.list()) == []


def test_an_object_that_has_grown_since_is_taken_again_and_arrives_again(history: History) -> None:
    half = replace(part("a", [entry(1)], letter("a", 2)), size=10)
    whole = replace(part("a", [entry(1), entry(2), entry(3)]), size=30, received_at=at(60))
    history.writer.take([half, part("b", [entry(9)])])
    assert history.writer.sizes([half.key, "events/none"]) == {half.key: 10}
    history.writer.reopen([half.key, "events/none"])
    assert history.writer.taken([half.key]) == set()
    for _ in range(2):
        history.writer.take([whole])
        assert history.writer.sizes([half.key]) == {half.key: 30}
        assert [row[2] for row in rows(history)] == ["old 1", "old 2", "old 3", "old 9"]
        assert list(history.dead_letters.list()) == []
        assert [key for _, key in history.reader.arrivals().objects] == ["events/b.ndjson", half.key]


def test_an_object_that_has_grown_is_taken_again_also_where_nobody_reopened_it(history: History) -> None:
    history.writer.take([replace(part("a", [entry(1)]), size=10), part("b", [])])
    assert history.writer.take([replace(part("a", [entry(1), entry(2)]), size=20)]).objects == 1
    assert [number for number, _ in history.reader.arrivals().objects] == [2, 3]


def test_a_dead_letter_that_is_refused_again_is_no_new_one(history: History) -> None:
    history.writer.take([part("a", [], letter("a", 2))])
    assert history.writer.take([part("a", [], letter("a", 2, "still broken"))]).dead_letters == 0
    (again,) = history.dead_letters.list()
    assert again.detail == "still broken"


def test_a_dismissed_letter_is_hidden_kept_and_named_with_its_reason(history: History) -> None:
    history.writer.take([part("a", [], letter("a", 2))])
    (one,) = history.dead_letters.list()
    for reason in ("a test message", "a second reason comes too late"):
        history.dead_letters.dismiss(one.id, reason, by="ann", at=at(9))
    assert list(history.dead_letters.list()) == []
    assert history.reader.health().dead_letters == 0
    (hidden,) = history.dead_letters.list(dismissed=True)
    assert hidden.dismissed_because == "a test message"


def test_a_dismissal_may_come_before_its_letter(history: History) -> None:
    history.dead_letters.dismiss(letter("a", 2).id, "known", by="ann", at=at(9))
    history.writer.take([part("a", [], letter("a", 2))])
    assert list(history.dead_letters.list()) == []


def test_a_letter_without_an_object_is_added_once_and_gone_once_the_object_is_taken(history: History) -> None:
    missing = letter("gone", None)
    history.dead_letters.add(missing)
    history.dead_letters.add(missing)
    assert [one.id for one in history.dead_letters.list()] == [missing.id]
    history.writer.take([part("gone", [entry(1)])])
    assert list(history.dead_letters.list()) == []


def test_thousands_of_dead_letters_are_listed_page_by_page(history: History) -> None:
    letters = [letter("a", line, second=line % 3) for line in range(1, 1_801)]
    history.writer.take([part("a", [], *letters)])
    listed = [one.id for one in history.dead_letters.list()]
    assert len(set(listed)) == len(listed) == 1_800


def test_clear_empties_and_begins_a_new_epoch(history: History) -> None:
    history.writer.take([part("a", [entry(1)], letter("a", 2))])
    before = history.reader.arrivals().epoch
    history.writer.clear()
    assert rows(history) == []
    assert list(history.dead_letters.list(dismissed=True)) == []
    assert history.reader.arrivals().epoch != before
    assert history.writer.take([part("a", [entry(1)])]).objects == 1
    assert history.reader.arrivals().objects == [(1, "events/a.ndjson")]


def test_clear_keeps_the_dead_letters_that_no_object_would_bring_back(history: History) -> None:
    """And in one step: whoever is killed in a rebuild has lost none of them."""
    history.writer.take([part("a", [], letter("a", 2))])
    whole = DeadLetter(
        id="0" * 16, key="messages/é_1", line=None, reason="invalid_json", detail="ü", received_at=at(3), raw=b"\xff"
    )
    others = [
        replace(whole, id=str(number) * 16, key=key, reason=reason)
        for number, (key, reason) in enumerate([("b/events/1", "foreign_bucket"), ("events/2", "object_missing")], 1)
    ]
    for one in (whole, *others):
        history.dead_letters.add(one)
    for _ in range(2):
        history.writer.clear()
        assert {one.id for one in history.dead_letters.list()} == {one.id for one in (whole, *others)}
    assert history.dead_letters.get(whole.id) == whole


def test_a_writer_notices_that_another_process_emptied_the_history(history: History, again: History) -> None:
    history.writer.take([part("a", [entry(1), entry(2, table="orders", entity="o1", user=User(user_id="u9"))])])
    again.writer.clear()
    again.writer.take([part("z", [entry(9, table="other", entity="x9")])])
    history.writer.take([part("a", [entry(1), entry(2, table="orders", entity="o1", user=User(user_id="u9"))])])
    assert len(rows(history, Query(table_id="orders", entity_id="o1", user_id="u9"))) == 1
    assert len(rows(history)) == 3


def test_an_object_whose_first_part_was_emptied_away_is_not_taken_by_its_last(history: History, again: History) -> None:
    history.writer.take([part("a", [entry(1)], complete=False)])
    again.writer.clear()
    last = part("a", [entry(2)])
    with pytest.raises(HistoryError, match="emptied"):
        history.writer.take([last])
    assert history.writer.taken([last.key]) == set()
    assert history.writer.take([part("a", [entry(1), entry(2)])]).events == 2


def test_health_tells_cheap_facts(history: History) -> None:
    assert history.reader.health().newest_event_at is None
    history.writer.take([part("a", [entry(1), entry(5)], letter("a", 9))])
    health = history.reader.health()
    assert (health.objects, health.newest_event_at, health.dead_letters) == (1, at(5), 1)


def test_gaps_in_a_stream_are_named(history: History) -> None:
    numbers = {"s1": (1, 2, 5, 6, 9), "s2": (1, 2, 3), "s3": (4,)}
    entries = [
        entry(100 * place + seq, stream=Stream(stream, seq))
        for place, (stream, seqs) in enumerate(numbers.items(), 1)
        for seq in seqs
    ]
    history.writer.take([part("a", [*entries, entry(999)])])
    found = [(gap.stream_id, gap.first, gap.last) for gap in history.reader.stream_gaps()]
    assert found == [("s1", 3, 4), ("s1", 7, 8), ("s3", 1, 3)]


def test_migrate_twice_and_from_many_places_at_once_does_no_harm(empty_database: str) -> None:
    context = multiprocessing.get_context("spawn")
    racers = [context.Process(target=_migrate, args=(empty_database,)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert [racer.exitcode for racer in racers] == [0, 0, 0, 0]
    _migrate(empty_database)
    history = open_history(empty_database)
    history.writer.take([part("a", [entry(1)])])
    assert len(rows(history)) == 1
    history.close()


def test_a_history_that_is_not_migrated_says_what_to_do(empty_database: str) -> None:
    history = open_history(empty_database)
    with pytest.raises(HistoryError) as error:
        history.reader.changes(EVERYTHING)
    assert error.value.hint
    assert not Path(empty_database.removeprefix("sqlite://")).exists()
    with pytest.raises(SchemaOutdated, match="not up to date"):
        history.writer.take([part("a", [entry(1)])])
    history.close()


def test_several_processes_write_and_nothing_is_lost_or_doubled(history: History, database: str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(database, seed)) for seed in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(rows(history)) == 600
    arrivals = [number for number, _ in history.reader.arrivals(limit=10_000).objects]
    assert arrivals == list(range(1, 61))


def _migrate(url: str) -> None:
    history = open_history(url)
    history.writer.migrate()
    history.close()


def _write(url: str, seed: int) -> None:
    """Each writer takes every object, in an order of its own: of each event one wins, and the others see a
    duplicate."""
    history = open_history(url)
    numbers = list(range(60))
    random.Random(seed).shuffle(numbers)
    for number in numbers:
        entries = [entry(number * 10 + line, entity=str(line), line=line + 1) for line in range(10)]
        history.writer.take([part(f"o{number}", entries)])
    history.close()
