"""A sample of the crash points in each mode; ``make torture`` tries all of them. And canaries: what is broken on
purpose is found."""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.torture.case import Case, Road
from tests.torture.points import sample
from tests.torture.run import FAULTS, Job, Total, run_all
from tests.torture.setup import Broken, Durability

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")

MODES: tuple[Durability, ...] = ("fsync", "group")
SEED = 20_260_726
# Crash points of each road and bucket: 40 a mode.
SAMPLE: dict[tuple[Road, str], int] = {
    ("lean", "well"): 14,
    ("lean", "failing"): 7,
    ("lean", "slow"): 4,
    ("lean", "twice"): 7,
    ("service", "well"): 3,
    ("service", "twice"): 2,
    ("example", "well"): 3,
}


@pytest.fixture(autouse=True)
def _without_complaints() -> Iterator[None]:
    """Torn lines are what it is about."""
    log = logging.getLogger("byline")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)


def chance() -> random.Random:
    """A commit that CI judges gets the same points again; whoever works on the code explores."""
    return random.Random(SEED if os.environ.get("CI") else None)


def killed(samples: Iterable[tuple[Case, int]], folder: Path) -> Total:
    """Points are shared between buckets: they hardly differ."""
    known, jobs, choose = {}, [], chance()
    for case, count in samples:
        if case.road not in known:
            known[case.road] = case.points(folder / f"undisturbed-{case.road}")
        jobs += [Job(case, point) for point in sample(known[case.road], count, choose)]
    return total(jobs, folder)


def total(jobs: Iterable[Job], folder: Path) -> Total:
    so_far = Total()
    for job, outcome in run_all(jobs, folder):
        so_far.add(job, outcome)
    print(so_far)
    return so_far


@pytest.mark.parametrize("mode", MODES)
def test_killed_anywhere_or_without_power_it_loses_nothing_that_was_promised_and_doubles_nothing(
    mode: Durability, tmp_path: Path
) -> None:
    samples = [(Case(road=road, durability=mode, bucket=bucket), count) for (road, bucket), count in SAMPLE.items()]
    came_to = killed(samples, tmp_path)
    assert came_to.verdict.faults == []
    assert came_to.runs == 40
    assert came_to.kills >= 20  # a point may move beyond the end of a run


def test_shipping_killed_anywhere_loses_and_doubles_nothing(tmp_path: Path) -> None:
    came_to = killed([(Case(road="ship", bucket=bucket), 3) for bucket in ("well", "failing", "twice")], tmp_path)
    assert came_to.verdict.faults == []
    assert came_to.kills


@pytest.mark.parametrize("mode", MODES)
def test_a_disk_that_fails_loses_nothing_that_was_promised_and_the_rest_is_counted(
    mode: Durability, tmp_path: Path
) -> None:
    case = Case(road="lean", durability=mode, rounds=3)
    came_to = total((Job(case, fault=fault, abrupt=number % 2 > 0) for number, fault in enumerate(FAULTS)), tmp_path)
    assert came_to.verdict.faults == []
    assert came_to.refused


SOUND = Case(road="lean", rounds=16)


@pytest.mark.parametrize("mode", MODES)
def test_without_a_canary_nothing_is_found(mode: Durability, tmp_path: Path) -> None:
    outcome = replace(SOUND, durability=mode).run(tmp_path / "sound")
    assert outcome.verdict.faults == []
    assert outcome.killed


@pytest.mark.parametrize(
    ("broken", "mode", "found"),
    [
        ("write", "group", "lost"),
        ("fsync", "fsync", "lost"),
        ("exposure", "group", "lost"),
        ("once", "group", "doubled"),
        ("commit", "group", "undone"),
    ],
)
def test_a_canary_is_found(broken: Broken, mode: Durability, found: str, tmp_path: Path) -> None:
    verdict = replace(SOUND, durability=mode, broken=broken).run(tmp_path / "broken").verdict
    assert getattr(verdict, found) > 0
    others = {"lost", "doubled", "undone", "left", "uncounted"} - {found}
    assert {name: getattr(verdict, name) for name in others} == dict.fromkeys(others, 0)
