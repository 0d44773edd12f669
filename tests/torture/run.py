"""Many cases, some lanes at a time, and what they come to."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import count
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from byline.capture.spool_process import EXPOSURE
from tests.torture.case import Case, Outcome
from tests.torture.points import Point
from tests.torture.verdict import Verdict

LANES: Final = 2
"""Runs at once: most of the time each waits for the disk, or for strace."""
TIMED: Final = (0.01, 0.4)
"""Seconds after which a run without strace is killed."""
TIMED_ROUNDS: Final = 40
"""More than it can do in that time."""

FAULTS: Final = (
    "write:error=ENOSPC:when=12..20",  # a disk that is full for a while
    "write:error=EIO:when=5+7",
    "fsync:error=EIO:when=3+4",
    "fsync:error=EIO:when=6+",  # from then on nothing reaches the disk
    "fsync:error=ENOSPC:when=2+5",
    "ftruncate:error=EIO:when=1+2",
    "rename:error=EIO:when=1+2",
    "rename:error=ENOSPC:when=2+3",
    "unlink:error=EIO:when=1+2",
    "linkat:error=ENOSPC:when=1+2",
)


class Job(Struct, frozen=True):
    """One run of a case: killed at a point, or some seconds ``after`` its beginning, or with a fault; then it ends in
    order, or ``abrupt``-ly."""

    case: Case
    point: Point | None = None
    after: float | None = None
    fault: str = ""
    abrupt: bool = False

    def __str__(self) -> str:
        if self.after is not None:
            return f"{self.case}: after {self.after * 1000:.0f} ms"
        how = str(self.point) if self.point is not None else f"{self.fault}{', then SIGKILL' * self.abrupt}"
        return f"{self.case}: {how}"

    def run(self, folder: Path) -> Outcome:
        if self.point is not None:
            return self.case.kill(self.point, folder)
        if self.after is not None:
            return self.case.kill_after(self.after, folder)
        return self.case.fail(self.fault, folder, abrupt=self.abrupt)


class Total(Struct):
    """Of many runs."""

    runs: int = 0
    kills: int = 0
    events: int = 0
    refused: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    def add(self, job: Job, outcome: Outcome) -> None:
        outcome.verdict.faults = [f"{job}: {fault}" for fault in outcome.verdict.faults]
        self.join(Total(1, int(outcome.killed), outcome.events, outcome.refused, outcome.verdict))

    def join(self, other: Total) -> None:
        self.runs += other.runs
        self.kills += other.kills
        self.events += other.events
        self.refused += other.refused
        self.verdict.add(other.verdict)

    def __str__(self) -> str:
        verdict = self.verdict
        said = [f"{self.runs} runs", f"{self.kills} kills", f"{self.events} events", f"{verdict.lost} lost"]
        said += [f"{verdict.doubled} doubled", f"{verdict.undone} of what was rolled back"]
        rest = {
            "dead letters": verdict.letters,
            "segments left": verdict.left,
            "refused and not counted": verdict.uncounted,
            "refused and counted": self.refused,
            "lines shipped twice": verdict.duplicates,
            "transactions committed but not recorded": verdict.unrecorded,
        }
        said += [f"{count} {name}" for name, count in rest.items() if count]
        if verdict.exposed:
            said.append(exposure(verdict.exposed))
        return ", ".join(said)


def exposure(ages: list[float]) -> str:
    """What a power loss took and may take; each variant of a power loss counts by itself."""
    late = sum(age > EXPOSURE for age in ages)
    stalled = (
        f" ({late} over {EXPOSURE * 1000:.0f} ms: the machine stalled, strace did, or an fsync failed)" if late else ""
    )
    return f"{len(ages)} gone with the power, the oldest {max(ages) * 1000:.1f} ms before it{stalled}"


def timed(case: Case, count: int, chance: random.Random) -> list[Job]:
    """Kills at any moment, without strace, so that the mode's own time is what counts."""
    case = replace(case, rounds=TIMED_ROUNDS)
    return [Job(case, after=chance.uniform(*TIMED)) for _ in range(count)]


def run_all(
    jobs: Iterable[Job], folder: Path, *, until: float = float("inf"), at_once: int = LANES
) -> Iterator[tuple[Job, Outcome]]:
    """Each outcome as it comes; no job is begun after ``until`` (the monotonic clock). What is clean is removed."""
    numbers = count(1)
    numbering = threading.Lock()

    def run(job: Job) -> tuple[Job, Outcome]:
        with numbering:
            place = folder / f"{next(numbers):05d}"
        outcome = job.run(place)
        if outcome.verdict.is_clean:
            shutil.rmtree(place)
        else:
            outcome.verdict.faults = [f"{fault} (see {place})" for fault in outcome.verdict.faults]
        return job, outcome

    left = iter(jobs)
    with ThreadPoolExecutor(at_once) as lanes:
        running: set[Future[tuple[Job, Outcome]]] = set()
        while True:
            while len(running) < at_once and time.monotonic() < until and (job := next(left, None)) is not None:
                running.add(lanes.submit(run, job))
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
