"""``byline ship`` empties a spool folder from outside, and ``byline doctor`` names what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Byline

ROOT = Path(__file__).parents[2]
LEFT = "20260726T101530Z-9f86d081884c7d65-%06d.%s"

RECORD = """
import os, sys
from byline import Recorder
recorder = Recorder.from_env()
for number in range(int(sys.argv[1])):
    recorder.record("create", "products", number, new={"n": number})
print("recorded", flush=True)
sys.stdin.read()
os._exit(0)
"""


def event(number: int) -> bytes:
    return (
        b'{"table_id":"t","entity_id":%d,"micro_service_name":"shop","action":"create","new_data":{"n":%d},'
        b'"request_info":{"time_stamp":"2026-07-26T10:15:30Z"},"stream":{"id":"s","seq":%d}}\n'
        % (number, number, number)
    )


@pytest.fixture
def spool(byline: Byline) -> Path:
    spool = byline.data / "spool"
    spool.mkdir(parents=True)
    return spool


@pytest.fixture
def service(byline: Byline) -> Iterator[subprocess.Popen[str]]:
    """A running service that has recorded, and whose bucket does not answer."""
    environ = {
        "BYLINE_DATA": str(byline.data),
        "BYLINE_SERVICE": "shop",
        "BYLINE_BUCKET": "s3://nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-west-1",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RECORD, "5"],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "recorded\n"
    yield process
    process.communicate("")


def test_what_was_left_is_shipped_and_processed(byline: Byline, spool: Path) -> None:
    (spool / (LEFT % (1, "ndjson"))).write_bytes(event(1) + event(2))
    (spool / (LEFT % (2, "open"))).write_bytes(event(3) + event(4)[:-9])
    [counts] = byline("ship", "--json").rows
    assert counts == {"objects": 2, "events": 3, "torn": 1, "left": 0}
    assert list(spool.iterdir()) == []
    [taken] = byline("process", "--json").rows
    assert (taken["events"], taken["dead_letters"]) == (3, 0)
    assert byline("ship", "--json").rows == [{"objects": 0, "events": 0, "torn": 0, "left": 0}]


def test_a_folder_may_be_named(byline: Byline, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / (LEFT % (1, "ndjson"))).write_bytes(event(1))
    assert byline("ship", "--spool", elsewhere).text == "1 objects\t1 events\t0 torn\t0 left\n"


def test_a_folder_that_is_not_there_is_a_wrong_call_and_the_usual_one_is_empty(byline: Byline, tmp_path: Path) -> None:
    assert "there is no folder" in byline("ship", "--spool", tmp_path / "nowhere", status=2).errors
    assert byline("ship", "--json").rows[0]["left"] == 0


def test_a_bucket_that_does_not_answer_leaves_everything_where_it_is(byline: Byline, spool: Path) -> None:
    (spool / (LEFT % (1, "ndjson"))).write_bytes(event(1))
    in_the_way = byline.file("in-the-way", b"")
    answer = byline("ship", "--json", status=3, BYLINE_BUCKET=f"file://{in_the_way}/bucket")
    assert answer.rows == [{"objects": 0, "events": 0, "torn": 0, "left": 1}]
    assert answer.errors.count("\n") == 1
    assert byline("ship", "--json").rows[0]["events"] == 1


def test_what_a_running_service_has_in_hand_is_left_to_it_until_it_is_gone(
    byline: Byline, service: subprocess.Popen[str]
) -> None:
    answer = byline("ship", "--json", status=None)
    left = answer.rows[0]["left"]
    assert answer.status == (1 if left else 0)
    service.communicate("")
    shipped = answer.rows[0]["events"] + byline("ship", "--json").rows[0]["events"]
    assert shipped == 5
    [taken] = byline("process", "--json").rows
    assert (taken["events"], taken["duplicates"], taken["dead_letters"]) == (5, 0, 0)


def test_doctor_names_what_waits_and_what_is_missing(byline: Byline, spool: Path) -> None:
    (spool / (LEFT % (1, "ndjson"))).write_bytes(event(1) + event(2) + event(5) + event(7))
    findings = {row["check"]: row for row in byline("doctor", "--json", status=1).rows}
    assert not findings["spool"]["ok"]
    assert "byline ship" in findings["spool"]["mend"]
    byline("ship")
    byline("process")
    rows = byline("doctor", "--json", status=1).rows
    assert [row["detail"] for row in rows if row["check"] == "streams"] == [
        "stream s: 3 to 4 missing",
        "stream s: 6 missing",
    ]
    assert [row["ok"] for row in rows if row["check"] == "spool"] == [True]


def test_doctor_finds_nothing_missing_where_nothing_is(byline: Byline, spool: Path) -> None:
    (spool / (LEFT % (1, "ndjson"))).write_bytes(event(1) + event(2))
    byline("ship")
    byline("process")
    rows = byline("doctor", "--json").rows
    assert [row["detail"] for row in rows if row["check"] == "streams"] == ["no event is missing inside of any stream"]
