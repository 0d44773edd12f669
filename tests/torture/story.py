"""What happened until the crash, as the child's notes and its callers tell it: what was promised, and when."""

from __future__ import annotations

from collections.abc import Iterable
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
    _pulses: list[tuple[float, float]] = field(default_factory=list)
    _syncs: list[tuple[float, float]] = field(default_factory=list)
    _failures: list[float] = field(default_factory=list)
    """When an fsync failed."""

    def stall(self, since: float) -> float:
        """Seconds of the time from ``since`` to the crash which the machine, and not the code, took: by how much the
        pulse was woken up late, and what fsync took beyond half of the exposure. Where an fsync fails, what it was to
        make durable is written anew, for which the time begins anew, too.

        The bound of 20 ms is one of a machine that has time; on this one, others may hold both cores, and every system
        call is traced.
        """
        last = max((at for at, _ in self._pulses), default=since)
        late = sum(late for at, late in self._pulses if at > since) + max(0.0, self.crash - last - PULSE)
        syncing = sum(max(0.0, end - max(begun, since)) for begun, end in self._syncs)
        failures = sum(at > since for at in self._failures)
        return late + max(0.0, syncing - EXPOSURE / 2) + EXPOSURE * failures


def story_of(notes: Iterable[list[Any]], answered: Iterable[Request] = ()) -> Story:
    story = Story(done=set(answered))
    begun: dict[int, float] = {}
    for kind, at, *said in notes:
        story.crash = at
        match kind:
            case "recorded" | "refused":
                _add(story, kind, at, *said)
            case "done":
                story.done.add(_request(said[0]))
            case "stats":
                story.stats = Stats(*said)
            case "pulse":
                story._pulses.append((at, said[0]))
            case "syncing":
                begun[said[0]] = at
            case "bytes" | "names" | "unsynced" if said[0] in begun:
                story._syncs.append((begun.pop(said[0]), at))
                story._failures += [at] * (kind == "unsynced")
    story._syncs += [(at, story.crash) for at in begun.values()]
    return story


def _add(story: Story, kind: str, at: float, request_id: str, event_id: str) -> None:
    if kind == "recorded":
        story.promises.append(Promise(_request(request_id), event_id, at))
    else:
        story.refused.append(_request(request_id))


def _request(text: str) -> Request:
    request = request_of(text)
    assert request is not None, text
    return request
