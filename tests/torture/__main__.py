"""``python -m tests.torture``: kills the example service at every crash point there is, or as many as the time allows,
and compares what it promised with what the history says in the end.

The last line is ``kills=N events=N lost=N doubled=N``. Exit status 1 if anything was lost or doubled, or an event tells
of what was rolled back, or could not be read, shipped, or was refused without being counted; 3 without strace.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final

from tests.torture.buckets import BUCKETS
from tests.torture.case import Case, Road
from tests.torture.points import Point, sample
from tests.torture.run import FAULTS, LANES, Job, Total, run_all, timed
from tests.torture.setup import Durability

MODES: Final[tuple[Durability, ...]] = ("fsync", "group")
CASES: Final = (
    *(Case(road="lean", durability=mode, bucket=bucket) for mode in MODES for bucket in BUCKETS if bucket != "away"),
    *(Case(road="service", durability=mode, bucket=bucket) for mode in MODES for bucket in ("well", "twice")),
    *(Case(road="example", durability=mode) for mode in MODES),
    *(Case(road="ship", bucket=bucket) for bucket in ("well", "failing", "twice")),
)  # fmt: skip
QUICK: Final[dict[Road, int]] = {"lean": 3, "service": 1, "example": 2, "ship": 1}
"""Crash points of each case."""
QUICKLY: Final = 50 / 60
TIMED_KILLS: Final = 200
AT_ONCE: Final[dict[Road, int]] = {"lean": 4, "ship": 2}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--quick", action="store_true", help="a few points of each case; begins nothing after 50 s")
    parser.add_argument("--minutes", type=float, default=15, help="begin nothing after so many (15)")
    parser.add_argument("--seed", type=int, default=None, help="of the order in which points are tried")
    parser.add_argument("--only", default="", metavar="TEXT", help='cases whose name holds it, such as "lean fsync"')
    options = parser.parse_args()
    if shutil.which("strace") is None:
        print("strace is missing: apt-get install strace", file=sys.stderr)
        return 3
    logging.getLogger("byline").setLevel(logging.CRITICAL)  # torn lines are what it is about
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    until = time.monotonic() + (min(QUICKLY, options.minutes) if options.quick else options.minutes) * 60
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    cases = [case for case in CASES if options.only in str(case)]
    jobs = planned(cases, folder, random.Random(seed), quick=options.quick)
    say(f"{len(jobs)} runs of {len(cases)} cases, seed {seed}")
    totals = played(jobs, folder, until)
    return told(totals, len(jobs), folder)


def planned(cases: Sequence[Case], folder: Path, chance: random.Random, *, quick: bool) -> list[Job]:
    """Every case in turn, so that whoever stops early has seen something of each."""
    points = all_points({seen_by(case, quick=quick) for case in cases}, folder)
    lanes: list[list[Job]] = []
    for case in cases:
        there = points[seen_by(case, quick=quick)]
        chosen = sample(there, QUICK[case.road] if quick else len(there), chance)
        lanes.append([Job(case, point) for point in chosen])
    faults = [
        Job(case, fault=fault, abrupt=abrupt)
        for case in cases
        if case.road == "lean" and case.bucket == "well"
        for fault in FAULTS
        for abrupt in (False, True)
    ]
    lanes.append(chance.sample(faults, 3 if quick and faults else len(faults)))
    kills = QUICK["lean"] if quick else TIMED_KILLS
    lanes += [timed(case, kills, chance) for case in cases if case.road == "lean" and case.bucket == "well"]
    return list(dealt(lanes))


def dealt(lanes: Iterable[list[Job]]) -> Iterator[Job]:
    """Every case in turn; those that take a fraction of the time get several runs a turn."""
    waiting = [iter(lane) for lane in lanes]
    while waiting:
        for lane in list(waiting):
            jobs = list(islice(lane, 1))
            if not jobs:
                waiting.remove(lane)
                continue
            yield from jobs
            yield from islice(lane, AT_ONCE.get(jobs[0].case.road, 1) - 1)


def seen_by(case: Case, *, quick: bool) -> Case:
    """The case whose points are tried: the quick run takes those of a bucket that is well for all of them."""
    return Case(road=case.road, durability=case.durability) if quick else case


def all_points(cases: Iterable[Case], folder: Path) -> dict[Case, list[Point]]:
    with ThreadPoolExecutor(LANES) as threads:
        return dict(threads.map(lambda case: (case, case.points(Path(tempfile.mkdtemp(dir=folder)))), cases))


def played(jobs: list[Job], folder: Path, until: float) -> dict[str, Total]:
    """A total for each case, its faults apart."""
    totals: dict[str, Total] = {}
    for number, (job, outcome) in enumerate(run_all(jobs, folder, until=until, at_once=2 * LANES), start=1):
        name = f"{job.case}{', disk failing' if job.fault else ', without strace' if job.after is not None else ''}"
        totals.setdefault(name, Total()).add(job, outcome)
        for fault in outcome.verdict.faults:
            say(fault)
        if sys.stderr.isatty():
            print(f"\r{number}/{len(jobs)} ", end="", file=sys.stderr, flush=True)
    return totals


def told(totals: dict[str, Total], planned: int, folder: Path) -> int:
    everything = Total()
    for name, total in totals.items():
        say(f"{name}: {total}")
        everything.join(total)
    verdict = everything.verdict
    say(f"all ({planned} were planned): {everything}")
    if verdict.is_clean:
        shutil.rmtree(folder)
    say(f"kills={everything.kills} events={everything.events} lost={verdict.lost} doubled={verdict.doubled}")
    return 0 if verdict.is_clean and everything.kills else 1


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
