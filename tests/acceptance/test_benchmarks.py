"""The benchmarks measure what they say they measure."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from benchmarks import pipeline, reading
from benchmarks.feed import settings_for
from benchmarks.generate import events, lines
from benchmarks.reading_sql import statement
from benchmarks.report import Report
from byline.history.schema import SCHEMA
from byline.model.codec import decode
from byline.model.diff import diff
from byline.wiring import open_history


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert list(lines(300)) == list(lines(300))
    assert list(lines(300, seed=8)) != list(lines(300))
    assert list(lines(300)) == list(lines(600))[:300]


def test_generated_events_are_taken_by_the_codec_and_change_two_and_a_half_attributes() -> None:
    found = [decode(line, key="k", line=1) for line in lines(5_000)]
    assert 2.3 < sum(len(diff(event)) for event in found) / len(found) < 2.7
    assert not any(event.lossy or event.one_sided or event.sent_id for event in found)


def test_generated_ids_are_uuid_7_in_the_order_of_time_and_unique() -> None:
    ids = [UUID(event["event_id"]) for event in events(3_000)]
    assert {id_.version for id_ in ids} == {7}
    assert [id_.int >> 80 for id_ in ids] == sorted(id_.int >> 80 for id_ in ids)
    assert len(set(ids)) == len(ids)


def test_generated_requests_make_one_to_four_events() -> None:
    sizes = Counter(event["request_info"]["request_id"] for event in events(3_000))
    assert set(sizes.values()) == {1, 2, 3, 4}


def test_a_generated_entity_goes_on_from_the_state_it_had() -> None:
    states: dict[tuple[str, str], object] = {}
    for event in events(3_000):
        entity = (event["table_id"], event["entity_id"])
        assert event["old_data"] == states.get(entity)
        states[entity] = event["new_data"]


def test_the_pipeline_prints_one_json_object_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "QUICK_SIZES", (100, 300))
    pipeline.run(Report("pipeline", as_json=True), quick=True)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all({"benchmark", "case", "variant"} < set(line) for line in printed)
    [whole] = [line for line in printed if line["case"] == "sqlite 300 events"]
    assert min(whole["events_per_s"], whole["changes_per_s"], whole["peak_rss_mb"], whole["bytes_per_change"]) > 0
    sizes = {line["variant"]: line["bytes_per_change"] for line in printed if line["case"] == "sqlite bytes"}
    assert sizes["events"] > 0
    assert sizes["changes"] > 0
    assert sum(sizes.values()) == pytest.approx(whole["bytes_per_change"], rel=0.01)


def test_the_reading_benchmark_asks_the_same_of_sql_and_of_the_api(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(reading, "QUICK_SIZES", (2_500, 5_000))
    monkeypatch.setattr(reading, "QUICK_ASKED", 3)
    monkeypatch.setattr(reading, "CACHE", tmp_path)
    reading.run(Report("reading", as_json=True), quick=True)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["variant"] for line in printed} == {"plain", "reader", "api", "json"}
    assert len({line["case"] for line in printed}) == 2 * 2 * 6
    data = tmp_path / f"reading-quick-schema-{SCHEMA}" / "5000"
    cases = reading._cases(json.loads((data / "samples.json").read_text()))
    history = open_history(settings_for(data))
    with closing(reading._raw(data / "history.db")) as raw:
        for questions in cases.values():
            for question in questions[:20]:
                found = raw.execute(*statement(question)).fetchall()
                ours = history.reader.changes(question).rows
                assert Counter(row[-1] for row in found) == Counter(row.current_value for row in ours)
    history.close()
