"""Results: one JSON object a line for programs, aligned text for people."""

from __future__ import annotations

import json
from typing import Any


class Report:
    """Prints results as they come. Every line carries ``benchmark``, ``case`` and ``variant`` (INTERFACE,
    "Benchmarks")."""

    def __init__(self, benchmark: str, *, as_json: bool) -> None:
        self._benchmark = benchmark
        self._as_json = as_json

    def line(self, case: str, variant: str, **figures: Any) -> None:
        """One result. Figures carry their unit in their name: ``p50_us``, ``events_per_s``, ``peak_rss_mb``."""
        if self._as_json:
            print(json.dumps({"benchmark": self._benchmark, "case": case, "variant": variant, **figures}), flush=True)
        else:
            told = "  ".join(f"{name} {_readable(value)}" for name, value in figures.items())
            print(f"{case:<24} {variant:<34} {told}", flush=True)

    def note(self, text: str) -> None:
        """A remark for people; programs do not see it."""
        if not self._as_json:
            print(text, flush=True)


def _readable(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
