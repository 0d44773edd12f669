"""Questions to a history of a million changes: what the reader needs for each, in microseconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from benchmarks.feed import fill, settings_for
from benchmarks.generate import events
from benchmarks.pipeline import process
from benchmarks.report import Report
from byline.history.port import Reader
from byline.history.schema import SCHEMA
from byline.model.query import Query
from byline.wiring import open_history

CHANGES, QUICK_CHANGES = 1_000_000, 50_000
EVENTS_PER_CHANGE = 0.415
"""What the generator makes, with a little to spare."""

CACHE = Path(__file__).parents[1] / "build" / "benchmarks"
SAMPLES, ASKED, QUICK_ASKED = 2_000, 2_000, 300

Sample = dict[str, Any]
Ask = Callable[[Reader], object]


def run(report: Report, *, quick: bool) -> None:
    """Build the history once, keep it, and ask each kind of question many times, every time about something else."""
    data = _built(report, QUICK_CHANGES if quick else CHANGES)
    samples: list[Sample] = json.loads((data / "samples.json").read_text())
    history = open_history(settings_for(data))
    reader = history.reader
    counted = json.loads((data / "counts.json").read_text())["changes"]
    for name, questions in _questions().items():
        chosen = [question for sample in samples if (question := questions(reader, sample)) is not None]
        figures = _measure(reader, chosen, QUICK_ASKED if quick else ASKED)
        report.line(f"sqlite {counted} changes", name, **figures)
    history.close()


def _questions() -> dict[str, Callable[[Reader, Sample], Query | None]]:
    return {
        "entity, newest 50": lambda _, s: Query(table_id=s["table_id"], entity_id=s["entity_id"]),
        "entity, next page": _next_page,
        "entity, within its account": lambda _, s: Query(
            table_id=s["table_id"], entity_id=s["entity_id"], within=s["account_id"]
        ),
        "request": lambda _, s: Query(request_id=s["request_id"]),
        "user, newest 50": lambda _, s: Query(user_id=s["user_id"]),
        "account, newest 50": lambda _, s: Query(account_id=s["account_id"]),
        "attribute, newest 50": lambda _, s: Query(attribute=s["attribute"]),
        "attribute and value": lambda _, s: Query(attribute=s["attribute"], current_value=s["value"]),
        "one hour": lambda _, s: Query(from_=moment_of(s), to=moment_of(s) + timedelta(hours=1)),
        "newest 50 of all": lambda _reader, _sample: Query(),
    }


def _next_page(reader: Reader, sample: Sample) -> Query | None:
    first = Query(table_id=sample["table_id"], entity_id=sample["entity_id"], limit=50)
    after = reader.changes(first).next
    return None if after is None else msgspec.structs.replace(first, after=after)


def _measure(reader: Reader, questions: list[Query], times: int) -> dict[str, float]:
    took: list[int] = []
    worked: list[int] = []
    rows = 0
    for number in range(times):
        question = questions[number % len(questions)]
        began, began_work = time.perf_counter_ns(), time.thread_time_ns()
        page = reader.changes(question)
        took.append(time.perf_counter_ns() - began)
        worked.append(time.thread_time_ns() - began_work)
        rows += len(page.rows)
    # Beside the wall clock the processor time: on a machine that is busy with something else only that means anything.
    return {
        "p50_us": percentile(took, 50),
        "p99_us": percentile(took, 99),
        "cpu_p50_us": percentile(worked, 50),
        "cpu_p99_us": percentile(worked, 99),
        "rows": round(rows / times, 1),
    }


def percentile(nanoseconds: list[int], percent: int) -> float:
    return round(sorted(nanoseconds)[len(nanoseconds) * percent // 100] / 1000, 1)


def moment_of(sample: Sample) -> datetime:
    return datetime.fromisoformat(sample["time_stamp"]).astimezone(UTC)


def _built(report: Report, changes: int) -> Path:
    """The folder of a history with about this many changes in this schema; made now if it is not there."""
    data = CACHE / f"history-{changes}-schema-{SCHEMA}"
    if not (data / "counts.json").exists():
        report.note(f"building a history of {changes:,} changes in {data} …")
        samples: list[Sample] = []
        fill(data, _sampled(int(changes * EVENTS_PER_CHANGE), samples))
        (data / "samples.json").write_text(json.dumps(samples))
        (data / "counts.json").write_text(json.dumps(process(data)))
    return data


def _sampled(count: int, samples: list[Sample]) -> Iterator[bytes]:
    """The lines of ``count`` events; on the way, ``samples`` gets a fair choice of what can be asked about."""
    rng = Random(11)
    encode = msgspec.json.Encoder().encode
    for number, event in enumerate(events(count)):
        if len(samples) < SAMPLES:
            samples.append(sample_of(event))
        elif (place := rng.randrange(number + 1)) < SAMPLES:
            samples[place] = sample_of(event)
        yield encode(event) + b"\n"


def sample_of(event: dict[str, Any]) -> Sample:
    info = event["request_info"]
    old, new = event["old_data"] or {}, event["new_data"] or {}
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)] or ["title"]
    value = new.get(changed[-1])
    return {
        "table_id": event["table_id"],
        "entity_id": event["entity_id"],
        "request_id": info["request_id"],
        "user_id": info["user"]["user_id"],
        "account_id": info["user"]["account_id"],
        "time_stamp": info["time_stamp"],
        "attribute": changed[-1],
        "value": value if isinstance(value, str) else msgspec.json.encode(value).decode(),
    }
