"""What the tests try of each mode: a sample of the crash points, at which nothing may be lost or doubled. ``make
torture`` tries all of them."""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.torture.case import Case, Outcome, Road
from tests.torture.points import sample
from tests.torture.run import FAULTS, Job, Total, run_all, timed
from tests.torture.setup import Broken, Durability

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")

SEED: Final = 20_260_726
SAMPLE: Final[dict[tuple[Road, str], int]] = {
    ("lean", "well"): 14,
    ("lean", "failing"): 7,
    ("lean", "slow"): 4,
    ("lean", "twice"): 7,
    ("service", "well"): 3,
    ("service", "twice"): 2,
    ("example", "well"): 3,
}
"""Crash points of each road and bucket: 40 a mode."""


def kill_anywhere(mode: Durability, folder: Path) -> Total:
    """Killed before its system calls, or without power."""
    samples = [(Case(road=road, durability=mode, bucket=bucket), count) for (road, bucket), count in SAMPLE.items()]
    came_to = killed(samples, folder)
    assert came_to.runs == 40
    assert came_to.kills >= 20  # a point may move beyond the end of a run
    return came_to


def kill_at_its_own_pace(mode: Durability, folder: Path) -> Total:
    """Killed at any moment, without strace."""
    came_to = total(timed(Case(road="lean", durability=mode), 10, chance()), folder)
    assert came_to.kills == 10
    return came_to


def let_the_disk_fail(mode: Durability, folder: Path) -> Total:
    """Every second time it is killed in the end."""
    case = Case(road="lean", durability=mode, rounds=3)
    came_to = total((Job(case, fault=fault, abrupt=number % 2 > 0) for number, fault in enumerate(FAULTS)), folder)
    assert came_to.refused
    return came_to


def play(mode: Durability, folder: Path, broken: Broken | None = None) -> Outcome:
    """Undisturbed to its end, which is SIGKILL; with a canary or without."""
    with without_complaints():
        outcome = Case(road="lean", rounds=16, durability=mode, broken=broken).run(folder / "run")
    assert outcome.killed
    return outcome


def find_canary(broken: Broken, mode: Durability, found: str, folder: Path) -> None:
    """What is broken on purpose is found, and nothing else is."""
    verdict = play(mode, folder, broken).verdict
    assert getattr(verdict, found) > 0
    others = {"lost", "doubled", "undone", "left", "uncounted"} - {found}
    assert {name: getattr(verdict, name) for name in others} == dict.fromkeys(others, 0)


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
    with without_complaints():
        for job, outcome in run_all(jobs, folder):
            so_far.add(job, outcome)
    print(so_far)
    return so_far


def chance() -> random.Random:
    """A commit that CI judges gets the same points again; whoever works on the code explores."""
    return random.Random(SEED if os.environ.get("CI") else None)


@contextmanager
def without_complaints() -> Iterator[None]:
    """Torn lines are what it is about."""
    log = logging.getLogger("byline")
    level = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(level)
