"""What was promised against what the history says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec import Struct, field

from byline.model.query import EventRow
from tests.torture.drain import Drained
from tests.torture.setup import Durability
from tests.torture.story import Promise, Story
from tests.torture.work import NEVER, WORKERS, Request, request_of


class Verdict(Struct):
    """Of one crash, or of many together. Everything up to ``faults`` is a defect; nothing after it is."""

    lost: int = 0
    """Events that were promised, are not in the history, and that the mode may not lose."""
    doubled: int = 0
    """Events beyond those that a request makes."""
    undone: int = 0
    """Events of transactions, or savepoints, that were rolled back, or that the database does not have."""
    letters: int = 0
    """Dead letters: a line that is not one."""
    left: int = 0
    """Segments that cannot be shipped."""
    uncounted: int = 0
    """Events that were refused without being counted."""
    faults: list[str] = field(default_factory=list)
    """The above, in words."""
    exposed: list[float] = field(default_factory=list)
    """Of events that a power loss took and the mode may lose: seconds from their promise to the crash."""
    unrecorded: int = 0
    """Transactions that were committed and whose events were not all recorded: crashed in between. The outbox's job."""
    duplicates: int = 0
    """Lines that were shipped twice, and are one event."""

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.undone or self.letters or self.left or self.uncounted)

    def add(self, other: Verdict) -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def blame(self, name: str, count: int, why: str) -> None:
        if count:
            setattr(self, name, getattr(self, name) + count)
            self.faults.append(f"{count} {name}: {why}")


def judge(
    story: Story,
    drained: Drained,
    is_committed: Callable[[Request], bool],
    *,
    powerless: Durability | None = None,
    garbled: bool = False,
) -> Verdict:
    """``powerless``: the mode, where the power was lost and not only the process. ``garbled``: where what was not
    fsynced left garbage in its place."""
    verdict = Verdict(duplicates=drained.duplicates)
    _judge_promises(verdict, story, drained, powerless)
    _judge_requests(verdict, story, drained, is_committed)
    _judge_counters(verdict, story)
    verdict.blame("left", drained.left, "segments that nobody ships")
    if not garbled:
        verdict.blame("letters", len(drained.letters), ", ".join(drained.letters[:3]))
    if powerless is None:
        _count_unrecorded(verdict, story, is_committed)
    return verdict


def _judge_promises(verdict: Verdict, story: Story, drained: Drained, powerless: Durability | None) -> None:
    there = {event.event_id for event in drained.events}
    missing = [promise for promise in story.promises if promise.event_id not in there]
    in_doubt = story.stats.in_doubt if story.stats is not None and powerless == "group" else 0
    too_old = [promise for promise in missing if powerless != "group" or not story.may_be_lost(promise.at)]
    if len(too_old) > in_doubt:  # what an fsync that failed has taken is counted
        verdict.blame("lost", len(too_old) - in_doubt, ", ".join(_told(promise, story) for promise in too_old[:3]))
    verdict.exposed += [story.crash - promise.at for promise in missing if promise not in too_old]
    if story.noted:
        answers = Counter([promise.request for promise in story.promises] + story.refused)
    else:
        answers = Counter(filter(None, map(_request, drained.events)))
    for request in sorted(story.done):
        verdict.blame("lost", max(0, request.events - answers[request]), f"of {request.id}, which returned")


def _told(promise: Promise, story: Story) -> str:
    age, stall = story.crash - promise.at, story.stall(promise.at)
    return (
        f"{promise.event_id} of {promise.request.id}, {age * 1000:.1f} ms old (the machine stalled {stall * 1000:.1f})"
    )


def _judge_requests(verdict: Verdict, story: Story, drained: Drained, is_committed: Callable[[Request], bool]) -> None:
    requests = [request for request in map(_request, drained.events) if request is not None]
    verdict.blame("undone", len(drained.events) - len(requests), "of a request that nobody sent")
    for request, events in sorted(Counter(requests).items()):
        happened = request in story.done or is_committed(request)
        expected = request.events if happened else 0
        what = "doubled" if expected else "undone"
        verdict.blame(what, max(0, events - expected), f"of {request.id} ({request.kind})")
    for event in drained.events:
        if any(change.current_value == NEVER for change in event.changes):
            verdict.blame("undone", 1, f"of a savepoint of {event.request_id}")


def _judge_counters(verdict: Verdict, story: Story) -> None:
    """What was not recorded is counted, and the newest trouble can be read."""
    if story.stats is None:
        return
    refused, stats = len(story.refused), story.stats
    if not refused == stats.failed == stats.sink_failed:
        verdict.blame("uncounted", max(1, abs(refused - stats.failed)), f"{refused} refused, but {stats}")
    if refused and not stats.last_error:
        verdict.blame("uncounted", 1, "nothing tells what the trouble was")


def _count_unrecorded(verdict: Verdict, story: Story, is_committed: Callable[[Request], bool]) -> None:
    recorded = Counter(promise.request for promise in story.promises)
    for worker in range(WORKERS):
        steps = [request.step for request in story.done if request.worker == worker]
        last = Request(worker, max(steps, default=-1) + 1)
        if recorded[last] < last.events and is_committed(last):
            verdict.unrecorded += 1


def _request(event: EventRow) -> Request | None:
    return request_of(event.request_id)
