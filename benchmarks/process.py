"""``python -m benchmarks.process DATA``: one run of the real processor in a process of its own, and what it took, as
one JSON line."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.feed import settings_for
from byline.history import engine
from byline.history.port import Counts, ObjectPart, Writer
from byline.processor import Processor
from byline.wiring import open_bucket, open_history, open_queue


class TimedWriter:
    """A writer that adds up the seconds spent in ``take``."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.seconds = 0.0

    def take(self, parts: Sequence[ObjectPart]) -> Counts:
        began = time.perf_counter()
        try:
            return self._writer.take(parts)
        finally:
            self.seconds += time.perf_counter() - began

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


def peak_rss_mb() -> float:
    """This process's own high-water mark. ``getrusage`` would also tell of the parent's before the exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status does not tell VmHWM: this benchmark needs Linux")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.process")
    parser.add_argument("data", type=Path)
    parser.add_argument("--page-cache-kib", type=int, help="SQLite's page cache, instead of the one Byline gives it")
    given = parser.parse_args()
    if given.page_cache_kib:
        # There is no such setting: this is how the benchmark tells the cache, which is bounded, from everything else.
        engine._CACHE_KIB = given.page_cache_kib  # noqa: SLF001
    print(json.dumps(_process(given.data)))


def _process(data: Path) -> dict[str, float]:
    settings = settings_for(data)
    history = open_history(settings)
    history.writer.migrate()
    writer = TimedWriter(history.writer)
    timed: Any = SimpleNamespace(writer=writer, reader=history.reader, dead_letters=history.dead_letters)
    bucket, queue = open_bucket(settings), open_queue(settings)
    before = peak_rss_mb()
    began = time.perf_counter()
    counts = Processor(bucket, queue, timed).run()
    seconds = time.perf_counter() - began
    queue.close()
    history.close()
    return {
        "seconds": seconds,
        "write_seconds": writer.seconds,
        "rss_before_mb": before,
        "peak_rss_mb": peak_rss_mb(),
        "objects": counts.objects,
        "events": counts.events,
        "changes": counts.changes,
        "dead_letters": counts.dead_letters,
    }


if __name__ == "__main__":
    main()
