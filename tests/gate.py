"""The gate: every check and every suite, each timed, all of them run whatever fails.

``python -m tests.gate`` is ``make test``; with ``--quick`` it is ``make check``. Exit status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


class Step(NamedTuple):
    """One command of the gate: a tool of this very environment, its arguments, and what its environment says."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = {}


class Outcome(NamedTuple):
    name: str
    seconds: float
    passed: bool


CHECKS = (
    Step("lint", ["ruff", "check", "--quiet"]),
    Step("format", ["ruff", "format", "--check", "--quiet"]),
    Step("types", ["mypy"]),
    Step("imports", ["lint-imports"]),
)


def suites() -> list[str]:
    """Every folder of tests, the quickest first: whoever adds one need not say so here."""
    found = {test.relative_to(ROOT / "tests").parts[0] for test in (ROOT / "tests").glob("*/**/test_*.py")}
    return sorted(found, key=lambda name: (name != "unit", name))


def suite(name: str) -> Step:
    """A suite of tests, a file at a time on each of two cores. An empty one fails: pytest says so with its status 5."""
    return Step(name, ["pytest", f"tests/{name}", "--numprocesses=2", "--dist=loadfile"])


def measured(step: Step) -> Step:
    """A suite that says what it covers. The acceptance tests start the executable, so every process measures itself.
    Not the torture: it is about processes that are killed, and about time."""
    if step.name == "torture":
        return step
    environ = {"COVERAGE_FILE": str(ROOT / f".coverage.{step.name}")}
    if step.name == "acceptance":
        return step._replace(environ={**environ, "COVERAGE_PROCESS_START": str(ROOT / "pyproject.toml")})
    return step._replace(command=[*step.command, "--cov", "--cov-report="], environ=environ)


def run(step: Step) -> Outcome:
    """Run one step and show its output as it comes."""
    print(f"\n== {step.name}", flush=True)
    started = time.monotonic()
    tool, *arguments = step.command
    environ = {**os.environ, **step.environ}
    status = subprocess.run([BIN / tool, *arguments], cwd=ROOT, env=environ, check=False).returncode
    return Outcome(step.name, time.monotonic() - started, status == 0)


def forget_coverage() -> None:
    """What an earlier run left says nothing about this one."""
    for part in ROOT.glob(".coverage*"):
        part.unlink()


def show_coverage() -> None:
    """Join what the suites covered and print it. A figure to look at, not a bar to jump: it fails nothing."""
    print("\n== coverage", flush=True)
    for command in (["combine", "--quiet"], ["report"]):
        subprocess.run([BIN / "coverage", *command], cwd=ROOT, check=False)


def show(outcomes: Sequence[Outcome]) -> None:
    """The closing table."""
    print("\nsuite        seconds")
    for outcome in outcomes:
        print(f"{outcome.name:<12} {outcome.seconds:7.1f}{'' if outcome.passed else '  FAILED'}")
    print(f"{'all':<12} {sum(outcome.seconds for outcome in outcomes):7.1f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gate")
    parser.add_argument("--quick", action="store_true", help="checks and unit tests only, without coverage")
    quick = parser.parse_args().quick
    if quick:
        outcomes = [run(step) for step in (*CHECKS, suite("unit"))]
    else:
        forget_coverage()
        outcomes = [run(step) for step in (*CHECKS, *(measured(suite(name)) for name in suites()))]
        show_coverage()
    show(outcomes)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
