"""Where the processor's time goes, each stage by itself on the same bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import zstandard

from byline.model.codec import decode
from byline.model.device import device
from byline.model.diff import diff
from byline.model.digest import digest
from byline.processor.entry import entry
from byline.processor.lines import Line, form_of, read_lines

KEY = "events/benchmark.ndjson.zst"


class Clock:
    """Microseconds an event, by stage."""

    def __init__(self, events: int) -> None:
        self._events = events
        self.us: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.us[name] = (time.perf_counter() - began) * 1e6 / self._events


def measure(lines: list[bytes]) -> dict[str, float]:
    """Microseconds an event for each stage before the database. The last one is the real hot path, all of it."""
    stored = zstandard.ZstdCompressor(level=3).compress(b"".join(lines))
    clock = Clock(len(lines))
    with clock.stage("inflate and split"):
        found = [line for line in read_lines([stored], form_of(KEY)) if isinstance(line, Line)]
    with clock.stage("decode"):
        events = [decode(line.data, key=KEY, line=line.number) for line in found]
    with clock.stage("diff"):
        for event in events:
            diff(event)
    with clock.stage("digests of before and after"):
        for event in events:
            digest(event.old_data)
            digest(event.new_data)
    agents = [(event.request_info.miscellaneous or {}).get("user_agent") for event in events]
    device(agents[0])
    with clock.stage("device"):
        for agent in agents:
            device(agent)
    with clock.stage("line to entry, all of it"):
        for line in found:
            entry(line, KEY)
    return clock.us
