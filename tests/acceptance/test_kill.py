"""Killed at any moment, run twice, run twice at once, rebuilt: the history ends up the same."""

from __future__ import annotations

import gzip
import random
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from tests.acceptance.conftest import Byline
from tests.acceptance.samples import everything, line, lines

KILLS = 50
SEED = 20_240_203


def objects() -> Iterator[tuple[str, bytes]]:
    """Some thousand events in many objects: single ones, lines, all compressions, a large one, and broken lines."""
    compress = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}
    for number in range(60):
        yield f"single-{number:03d}.json", line(number)
    for number in range(24):
        ending = list(compress)[number % 3]
        numbers = range(1_000 + number * 30, 1_030 + number * 30)
        yield f"many-{number:02d}.ndjson{ending}", compress[ending](lines(numbers))
    yield "large.ndjson", lines(range(10_000, 13_500))
    for number in range(20_000, 20_010):
        yield f"broken-{number}.ndjson", b"{\n" + line(number) + b"\n[]\n" + line(number, action="delete")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket") / "bucket"
    (folder / "events").mkdir(parents=True)
    for name, data in objects():
        (folder / "events" / name).write_bytes(data)
    return folder


def with_bucket(tmp_path: Path, bucket: Path) -> Byline:
    byline = Byline(tmp_path / "data", tmp_path)
    byline.data.mkdir(parents=True)
    (byline.data / "bucket").symlink_to(bucket)
    return byline


@pytest.fixture(scope="module")
def undisturbed(bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, float]:
    """What a history says that nobody disturbed, and how many seconds it took."""
    byline = with_bucket(tmp_path_factory.mktemp("undisturbed"), bucket)
    begun = time.monotonic()
    byline("process")
    return everything(byline.data), time.monotonic() - begun


def killed_again_and_again(byline: Byline, kills: int, chance: random.Random, expected: dict, seconds: float) -> None:
    """Kill ``byline process`` so often, then let it end."""
    while kills:
        process = byline.start("process")
        try:
            process.communicate(timeout=chance.uniform(0.3, 1.2) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills -= 1
        else:
            # What all the kills of this round left behind must be right; then it begins anew.
            assert process.returncode == 0
            assert everything(byline.data) == expected
            for file in byline.data.glob("*.db*"):
                file.unlink()
    byline("process")
    assert everything(byline.data) == expected


def test_killed_at_random_moments_and_run_once_more_the_history_is_the_undisturbed_one(
    tmp_path: Path, bucket: Path, undisturbed: tuple[dict, float]
) -> None:
    lanes = 2
    with ThreadPoolExecutor(lanes) as pool:
        ends = [
            pool.submit(
                killed_again_and_again,
                with_bucket(tmp_path / str(lane), bucket),
                KILLS // lanes,
                random.Random(SEED + lane),
                *undisturbed,
            )
            for lane in range(lanes)
        ]
        for end in ends:
            end.result()


def test_a_rebuild_gives_the_undisturbed_history_row_for_row(
    tmp_path: Path, bucket: Path, undisturbed: tuple[dict, float]
) -> None:
    byline = with_bucket(tmp_path, bucket)
    byline("process")
    byline("rebuild")
    assert everything(byline.data) == undisturbed[0]


def events_in(data: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{data}/history.db?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM events").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_a_rebuild_that_is_killed_goes_on(tmp_path: Path, bucket: Path, undisturbed: tuple[dict, float]) -> None:
    byline = with_bucket(tmp_path, bucket)
    process = byline.start("rebuild")
    while process.poll() is None and not events_in(byline.data):
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert 0 < events_in(byline.data) < len(undisturbed[0]["events"])
    byline("rebuild", "--resume")
    assert everything(byline.data) == undisturbed[0]


def test_two_processes_at_once_make_the_undisturbed_history(
    tmp_path: Path, bucket: Path, undisturbed: tuple[dict, float]
) -> None:
    byline = with_bucket(tmp_path, bucket)
    processes = [byline.start("process", "--json") for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert everything(byline.data) == undisturbed[0]
