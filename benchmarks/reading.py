"""Pages through the HTTP API on a history of one and of five million changes, next to the same questions as raw SQL;
and the same for an account that owns one event in ten thousand.

The first run builds the history through the real processor and keeps it. ``plain`` is the raw SQL, ``reader`` is
Byline's reader, ``json`` is what making the answer's JSON costs, ``api`` is the whole call: question, reader, JSON,
framework.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from benchmarks.asgi import Api
from benchmarks.feed import EVENTS_IN_AN_OBJECT, fill, settings_for
from benchmarks.generate import events
from benchmarks.history import CACHE, EVENTS_PER_CHANGE, moment_of, percentile, sample_of
from benchmarks.pipeline import process
from benchmarks.reading_sql import statement
from benchmarks.report import Report
from byline.history.schema import SCHEMA
from byline.model.query import Query
from byline.wiring import open_bucket, open_history

SIZES, QUICK_SIZES = (1_000_000, 5_000_000), (10_000, 30_000)
ASKED, QUICK_ASKED = 1_000, 60
SAMPLES = 1_000

SMALL = "one-in-ten-thousand"
"""An account that owns every so many-th event."""
ONE_IN, QUICK_ONE_IN = 10_000, 500

PAGE_CACHE_KIB = 65_536

Sample = dict[str, Any]
Figures = dict[str, list[int]]


def run(report: Report, *, quick: bool) -> None:
    """Build what is not there, then measure each size."""
    folder = CACHE / f"reading-{'quick' if quick else 'full'}-schema-{SCHEMA}"
    one_in = QUICK_ONE_IN if quick else ONE_IN
    for size in QUICK_SIZES if quick else SIZES:
        data = _built(report, folder, size, one_in)
        _measure(report, data, QUICK_ASKED if quick else ASKED)


def _measure(report: Report, data: Path, asked: int) -> None:
    counted = json.loads((data / "counts.json").read_text())["changes"]
    settings = settings_for(data)
    with (
        closing(open_history(settings)) as history,
        closing(_raw(data / "history.db")) as raw,
        Api(history, open_bucket(settings)) as api,
    ):
        for case, questions in _cases(json.loads((data / "samples.json").read_text())).items():
            chosen = [questions[number % len(questions)] for number in range(asked)] if questions else []
            ways: dict[str, Callable[[Query], Any]] = {
                "plain": lambda query: raw.execute(*statement(query)).fetchall(),
                "reader": history.reader.changes,
                "api": lambda query: _call(api, query),
            }
            figures = _times(ways, chosen)
            figures["json"] = _json_times(history.reader.changes, chosen)
            _report(report, f"sqlite {counted} {case}", figures)


def _times(ways: dict[str, Callable[[Query], Any]], questions: list[Query]) -> Figures:
    """Each question is asked each way, every way as often first as last: whoever is first finds less in memory."""
    took: Figures = {name: [] for name in ways}
    names = list(ways)
    for number, question in enumerate(questions):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            began = time.perf_counter_ns()
            ways[name](question)
            took[name].append(time.perf_counter_ns() - began)
    return took


def _json_times(read: Callable[[Query], Any], questions: list[Query]) -> list[int]:
    took: list[int] = []
    for question in questions:
        page = read(question)
        began = time.perf_counter_ns()
        msgspec.json.encode(page.rows)
        took.append(time.perf_counter_ns() - began)
    return took


def _report(report: Report, case: str, figures: Figures) -> None:
    if not figures["plain"]:
        return
    p50, p99 = (percentile(figures["plain"], percent) for percent in (50, 99))
    for name, took in figures.items():
        mine50, mine99 = percentile(took, 50), percentile(took, 99)
        report.line(
            case, name, p50_us=mine50, p99_us=mine99, ratio=round(mine50 / p50, 2), ratio_p99=round(mine99 / p99, 2)
        )


def _cases(samples: dict[str, list[Sample]]) -> dict[str, list[Query]]:
    every, own = samples["every"], samples["small"]
    cases = {name: [ask(sample) for sample in every] for name, ask in _QUESTIONS.items()}
    for name, ask in _QUESTIONS.items():
        cases[f"{name}, tiny account"] = [msgspec.structs.replace(ask(sample), within=SMALL) for sample in own]
    return cases


_QUESTIONS: dict[str, Callable[[Sample], Query]] = {
    "entity": lambda s: Query(table_id=s["table_id"], entity_id=s["entity_id"]),
    "request": lambda s: Query(request_id=s["request_id"]),
    "user": lambda s: Query(user_id=s["user_id"]),
    "attribute": lambda s: Query(attribute=s["attribute"]),
    "attribute and value": lambda s: Query(attribute=s["attribute"], current_value=s["value"]),
    "time range": lambda s: Query(from_=moment_of(s), to=moment_of(s) + timedelta(hours=1)),
}


def _call(api: Api, query: Query) -> bytes:
    said = {name: value for name, value in msgspec.to_builtins(query).items() if value is not None}
    said = {name: str(value) for name, value in said.items() if name not in ("within", "order", "limit")}
    return api.get("/v1/changes", said, account=query.within)


def _raw(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE_KIB}")  # as Byline's own connections
    return connection


# --- the history ---


def _built(report: Report, folder: Path, changes: int, one_in: int) -> Path:
    """A history of about so many changes, made if it is not there: a smaller one that is there is where it begins."""
    data = folder / str(changes)
    if (data / "counts.json").exists():
        return data
    began = time.perf_counter()
    report.note(f"building a history of {changes:,} changes in {data} …")
    smaller = max((int(found.parent.name) for found in folder.glob("*/counts.json")), default=0)
    smaller = smaller if smaller < changes else 0
    shutil.rmtree(data, ignore_errors=True)
    before: dict[str, Any] = {"events": 0, "changes": 0}
    samples: dict[str, list[Sample]] = {"every": [], "small": []}
    if smaller:
        shutil.copytree(folder / str(smaller), data)
        before = json.loads((data / "counts.json").read_text())
        (data / "counts.json").unlink()
    count = int(changes * EVENTS_PER_CHANGE) // EVENTS_IN_AN_OBJECT * EVENTS_IN_AN_OBJECT
    there = before["events"]
    lines = islice(_sampled(count, one_in, samples), there, None)
    fill(data, lines, first=there // EVENTS_IN_AN_OBJECT)
    counts = process(data)
    counts["events"], counts["changes"] = counts["events"] + there, counts["changes"] + before["changes"]
    if (counts["events"], counts["dead_letters"]) != (count, 0):
        raise RuntimeError(f"{count} events went in, and this came out: {counts}")
    (data / "samples.json").write_text(json.dumps(samples))
    (data / "counts.json").write_text(json.dumps(counts))
    report.note(f"built in {time.perf_counter() - began:.0f} s")
    return data


def _sampled(count: int, one_in: int, samples: dict[str, list[Sample]]) -> Iterator[bytes]:
    """The lines of ``count`` events, of which the tiny account owns some; on the way, a fair choice of what can be
    asked about."""
    rng = Random(11)
    encode = msgspec.json.Encoder().encode
    for number, event in enumerate(events(count)):
        if number % one_in == one_in // 2:
            event["account_id"] = SMALL
            samples["small"].append(sample_of(event))
        every = samples["every"]
        if len(every) < SAMPLES:
            every.append(sample_of(event))
        elif (place := rng.randrange(number + 1)) < SAMPLES:
            every[place] = sample_of(event)
        yield encode(event) + b"\n"
