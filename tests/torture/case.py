"""One case: a road, a durability, a bucket. Runs it, kills it, and lets it be judged, after SIGKILL and after each
power loss."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from tests.torture.board import new_board, read_board
from tests.torture.callers import call_service
from tests.torture.children import run_child
from tests.torture.drain import Drained, contents, drain, drain_by_command
from tests.torture.points import Point, Under, injecting, killing, points_in, tracing
from tests.torture.power import LOSSES, Durable, Loss, lose_power
from tests.torture.setup import Broken, Durability, Plan, threads_of
from tests.torture.story import Story, story_of
from tests.torture.templates import copy_products
from tests.torture.verdict import Verdict, judge
from tests.torture.work import WORKERS, Request, is_committed

Road = Literal["lean", "service", "example", "ship"]
"""``lean``: the example's rules, without HTTP. ``service``: the example, over HTTP, on a disk that is watched.
``example``: the example to the last letter, so that nothing is known of it but its answers. ``ship``: what ships a
folder that a killed service left."""

THREADS: Final = {"byline-commit", "byline-ship", *(f"worker-{worker}" for worker in range(WORKERS))}
"""Those of the lean road, each of which is killed at its own calls."""


class Outcome(Struct):
    """Of one run."""

    killed: bool
    events: int
    """That were promised."""
    refused: int
    verdict: Verdict


class Case(Struct, frozen=True, kw_only=True):
    road: Road
    durability: Durability = "group"
    bucket: str = "well"
    rounds: int = 4
    broken: Broken | None = None

    def __str__(self) -> str:
        return f"{self.road} {self.durability}, bucket {self.bucket}"

    def points(self, folder: Path) -> list[Point]:
        """Run it undisturbed, and see where it could be killed."""
        plan = self._prepared(folder)
        log = folder / "strace.log"
        self._run(plan, tracing(log))
        found = points_in(log, {number: name for name, number in threads_of(plan).items() if name in THREADS})
        shutil.rmtree(folder)
        return found

    def kill(self, point: Point, folder: Path) -> Outcome:
        return self._judged(self._prepared(folder), killing(point))

    def fail(self, fault: str, folder: Path, *, abrupt: bool = False) -> Outcome:
        """Let system calls fail, such as ``fsync:error=EIO:when=3``."""
        plan = self._prepared(folder)
        return self._judged(replace(plan, abrupt=abrupt), injecting(fault))

    def run(self, folder: Path) -> Outcome:
        """Until it ends itself."""
        return self._judged(self._prepared(folder, abrupt=True))

    def kill_after(self, seconds: float, folder: Path) -> Outcome:
        """Without strace, at its own pace. The lean road only."""
        return self._judged(self._prepared(folder), after=seconds)

    def _prepared(self, folder: Path, *, abrupt: bool = False) -> Plan:
        plan = Plan(
            folder=folder,
            durability=self.durability,
            bucket=self.bucket,
            rounds=self.rounds,
            broken=self.broken,
            abrupt=abrupt,
        )
        plan.data.mkdir(parents=True)
        plan.attic.mkdir()
        new_board(plan.board)
        copy_products(plan.database)
        if self.road == "ship":
            self._leave_something(plan)
        return plan

    def _leave_something(self, plan: Plan) -> None:
        """What a service leaves that is killed while its bucket is away; from here on it counts as durable."""
        leaving = replace(plan, bucket="away", abrupt=True, rounds=6)
        run_child("lean", leaving)
        plan.board.rename(plan.folder / "left")
        new_board(plan.board)

    def _run(self, plan: Plan, under: Under, after: float | None = None) -> tuple[bool, Story]:
        if self.road in {"service", "example"}:
            killed, answered = call_service(plan, under.command, substituted=self.road == "service")
            story = story_of(read_board(plan.board), answered)
            return killed, replace(story, noted=self.road == "service")
        killed = run_child("lean" if self.road == "lean" else "shipping", plan, under, after=after)
        return killed, story_of(read_board(plan.board if self.road == "lean" else plan.folder / "left"))

    def _judged(self, plan: Plan, under: Under = Under(), after: float | None = None) -> Outcome:  # noqa: B008
        killed, story = self._run(plan, under, after)
        story.traced = bool(under.command)
        verdict = Verdict()
        committed = partial(is_committed, database=plan.database)
        mode = "fsync" if self.road == "ship" else self.durability  # what lay there has been durable before
        if story.noted:
            for loss, drained in _without_power(plan):
                lost = judge(story, drained, committed, powerless=mode, garbled=loss.zeros)
                verdict.add(_labelled(lost, f"power loss of {loss.name}"))
        by_command = self.road in {"service", "example"}
        drained = drain_by_command(plan.data) if by_command else drain(plan.data)
        verdict.add(_labelled(judge(story, drained, committed), "SIGKILL"))
        return Outcome(killed, _promised(story), len(story.refused), verdict)


def _without_power(plan: Plan) -> Iterator[tuple[Loss, Drained]]:
    durable = Durable(read_board(plan.board))
    known: dict[frozenset[tuple[str, bytes]], Drained] = {}
    for loss in LOSSES:
        there = plan.folder / loss.name
        lose_power(plan.data, plan.attic, durable, loss, there)
        found = contents(there)
        if found not in known:
            known[found] = drain(there)
        yield loss, known[found]


def _labelled(verdict: Verdict, label: str) -> Verdict:
    verdict.faults = [f"{label}: {fault}" for fault in verdict.faults]
    return verdict


def _promised(story: Story) -> int:
    if story.noted:
        return len(story.promises)
    return sum(map(_events, story.done))


def _events(request: Request) -> int:
    return request.events
