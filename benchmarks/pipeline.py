"""Events from the bucket to the history on SQLite, end to end: speed, memory, bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import stages
from benchmarks.feed import fill
from benchmarks.generate import lines
from benchmarks.report import Report
from benchmarks.sizes import by_name, checkpoint

SIZES = (10_000, 100_000)
QUICK_SIZES = (2_000, 10_000)
STAGE_EVENTS = 10_000
SMALL_CACHE_KIB = 4_096


def run(report: Report, *, quick: bool) -> None:
    """Process two sizes, so that memory can be seen to stay flat; then say where time, bytes and memory went."""
    small, large = QUICK_SIZES if quick else SIZES
    before_writing = stages.measure(list(lines(min(STAGE_EVENTS, large))))
    _process(report, small, keep_sizes=False)
    result = _process(report, large, keep_sizes=True)
    for name, us in before_writing.items():
        report.line("sqlite time", name, us_per_event=round(us, 2))
    report.line("sqlite time", "write", us_per_event=round(result["write_seconds"] * 1e6 / result["events"], 2))
    rest = (result["seconds"] - result["write_seconds"]) * 1e6 / result["events"]
    report.line("sqlite time", "all but write", us_per_event=round(rest, 2))
    _memory(report, small, large)


def _memory(report: Report, small: int, large: int) -> None:
    """Memory without most of SQLite's page cache, which fills up to its bound: what the processor itself holds."""
    peaks = []
    for count in (small, large):
        with tempfile.TemporaryDirectory(prefix="byline-bench-") as folder:
            fill(Path(folder), lines(count))
            peaks.append(process(Path(folder), "--page-cache-kib", str(SMALL_CACHE_KIB))["peak_rss_mb"])
        report.line("sqlite memory", f"{count} events, 4 MiB cache", peak_rss_mb=round(peaks[-1], 1))
    report.line("sqlite memory", f"{large} against {small} events", ratio=round(peaks[1] / peaks[0], 3))


def _process(report: Report, count: int, *, keep_sizes: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="byline-bench-") as folder:
        data = Path(folder)
        fill(data, lines(count))
        result = process(data)
        if (result["events"], result["dead_letters"]) != (count, 0):
            raise RuntimeError(f"{count} events went in, and this came out: {result}")
        database = data / "history.db"
        size = checkpoint(database)
        report.line(
            f"sqlite {count} events",
            "byline",
            events_per_s=round(result["events"] / result["seconds"]),
            changes_per_s=round(result["changes"] / result["seconds"]),
            changes_per_event=round(result["changes"] / result["events"], 2),
            peak_rss_mb=round(result["peak_rss_mb"], 1),
            rss_before_mb=round(result["rss_before_mb"], 1),
            bytes_per_change=round(size / result["changes"], 1),
        )
        if keep_sizes:
            for name, taken in by_name(database).items():
                report.line("sqlite bytes", name, bytes_per_change=round(taken / result["changes"], 1))
        return result


def process(data: Path, *options: str) -> dict[str, Any]:
    """Run the processor on this folder in a fresh process; what it says of itself."""
    command = [sys.executable, "-m", "benchmarks.process", str(data), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
    result: dict[str, Any] = json.loads(done.stdout)
    return result
