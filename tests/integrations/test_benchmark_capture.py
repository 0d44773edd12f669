"""The benchmark of what recording costs measures what it says."""

from __future__ import annotations

import json

import pytest

from benchmarks import capture
from benchmarks.report import Report


def test_every_variant_is_compared_with_plain_in_the_same_run(monkeypatch, capsys):
    monkeypatch.setattr(capture, "QUICK_ROUNDS", 2)
    monkeypatch.setattr(capture, "TURN", 5)
    monkeypatch.setattr(capture, "WARM_UP", 5)
    monkeypatch.setattr(capture, "SERVERS", {"sqlite": capture.SERVERS["sqlite"]})
    capture.run(Report("capture", as_json=True), quick=True)
    told = list(map(json.loads, capsys.readouterr().out.splitlines()))
    lines = {line["variant"]: line for line in told if "updates" in line}
    assert {"plain", "byline spool"} <= lines.keys()
    for line in lines.values():
        assert (line["benchmark"], line["case"], line["updates"]) == ("capture", "sqlite update", 10)
        assert line["ratio"] == pytest.approx(line["p50_us"] / lines["plain"]["p50_us"], abs=0.002)
    assert {line["case"] for line in told} == {"record, warm", "event loop", "sqlite update"}
    assert lines["plain"]["ratio"] == lines["plain"]["ratio_p99"] == 1
