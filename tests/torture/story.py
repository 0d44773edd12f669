"""What happened until the crash, as the child's notes and its callers tell it: what was promised, and when."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from msgspec import Struct, field

from byline.capture.spool_process import EXPOSURE
from tests.torture.witness import PULSE
from tests.torture.work import Request, request_of


class Promise(Struct, frozen=True):
    """``record`` has returned this event's id."""

    request: Request
    event_id: str
    at: float
    """When: seconds of the monotonic clock."""


class Stats(Struct, frozen=True):
    """The recorder's own counters, at the end of a child that was not killed before it."""

    failed: int
    sink_failed: int
    in_doubt: int
    last_error: str | None


class Story(Struct):
    promises: list[Promise] = field(default_factory=list)
    refused: list[Request] = field(default_factory=list)
    done: set[Request] = field(default_factory=set)
    """Requests that were answered, or whose transaction returned."""
    stats: Stats | None = None
    crash: float = 0.0
    """The last sign of life, which is not later than the crash."""
    noted: bool = True
    """Whether the child noted its promises; else only answers count, each of which promises all of its events."""
    traced: bool = False
    _pulses: list[float] = field(default_factory=list)
    _late: list[tuple[float, float]] = field(default_factory=list)
    """When somebody was woken up, and by how much too late."""
    _syncs: list[tuple[float, float]] = field(default_factory=list)
    _newest_round: float = 0.0

    def may_be_lost(self, at: float) -> bool:
        """Whether a power loss may take what was promised then, with ``durability="group"``.

        Not once a round of the committer has begun after it, and ended. Nor is it to wait longer for that than the
        mode says; but under strace, which stops one thread and not the others, time tells nothing.
        """
        if at < self._newest_round:
            return False
        return self.traced or self.crash - at <= EXPOSURE + self.stall(at)

    def stall(self, since: float) -> float:
        """Seconds of the time from ``since`` to the crash which the machine, and not the code, took: by how much the
        pulse and the committer were woken up late, and what fsync took beyond half of the exposure. The bound of 20 ms
        is one of a machine that has time; on this one, others may hold both cores."""
        last = max(self._pulses, default=since)
        late = sum(min(late, at - since) for at, late in self._late if at > since)
        syncing = sum(max(0.0, end - max(begun, since)) for begun, end in self._syncs)
        return late + max(0.0, self.crash - last - PULSE) + max(0.0, syncing - EXPOSURE / 2)


def story_of(notes: Iterable[list[Any]], answered: Iterable[Request] = ()) -> Story:
    story = Story(done=set(answered))
    notes = list(notes)
    for kind, at, *said in notes:
        story.crash = at
        match kind:
            case "recorded" | "refused":
                _add(story, kind, at, *said)
            case "done":
                story.done.add(_request(said[0]))
            case "stats":
                story.stats = Stats(*said)
            case "round":
                story._newest_round = max(story._newest_round, said[0])
    _add_stalls(story, notes)
    return story


def _add_stalls(story: Story, notes: Iterable[list[Any]]) -> None:
    begun: dict[int, float] = {}
    due: dict[str, float] = {}
    for kind, at, *said in notes:
        match kind:
            case "pulse":
                story._pulses.append(at)
                story._late.append((at, said[0]))
            case "asleep":
                due[said[0]] = said[1] if said[1] is not None else inf
            case "set" if said[0] in due:
                due[said[0]] = min(at, due[said[0]])
            case "awake":
                story._late.append((at, max(0.0, at - due.pop(said[0]))))
            case "syncing":
                begun[said[0]] = at
            case "bytes" | "names" | "unsynced" if said[0] in begun:
                story._syncs.append((begun.pop(said[0]), at))
    story._syncs += [(at, story.crash) for at in begun.values()]
    story._late += [(story.crash, max(0.0, story.crash - at)) for at in due.values()]


def _add(story: Story, kind: str, at: float, request_id: str, event_id: str) -> None:
    if kind == "recorded":
        story.promises.append(Promise(_request(request_id), event_id, at))
    else:
        story.refused.append(_request(request_id))


def _request(text: str) -> Request:
    request = request_of(text)
    assert request is not None, text
    return request
