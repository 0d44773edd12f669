"""What recording costs a service: load a row, change 2 of its 12 columns, commit; plain, with Byline, with its peers.

Every variant is a process of its own, with a database of its own on one private server (with the fsyncs of production).
They take turns, a few dozen updates each, so that whatever else the machine does falls on all of them alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy

from benchmarks import capture_calls
from benchmarks.capture_variants import VARIANTS
from benchmarks.report import Report
from tests import databases

ROOT = Path(__file__).parents[1]
ROUNDS, QUICK_ROUNDS, TURN = 60, 8, 50
WARM_UP = 100
PEERS = {"sqlalchemy-continuum": "sqlalchemy_continuum", "sqlalchemy-history": "sqlalchemy_history"}


def run(report: Report, *, quick: bool) -> None:
    """What one call costs; then all variants on SQLite, MariaDB and PostgreSQL. What is not installed is left out, and
    said."""
    capture_calls.run(report, quick=quick)
    with tempfile.TemporaryDirectory(prefix="byline-") as name, ExitStack() as stack:
        folder = Path(name)
        environ = _variants(report, folder, stack)
        for database, server in SERVERS.items():
            try:
                with server(folder) as new_database:
                    _case(report, f"{database} update", environ, new_database, QUICK_ROUNDS if quick else ROUNDS)
            except databases.Missing as missing:
                report.note(f"left out: {database} update ({missing})")


def _variants(report: Report, folder: Path, stack: ExitStack) -> dict[str, Mapping[str, str]]:
    """The variants that can run here, with what their processes need in their environment."""
    found: dict[str, Mapping[str, str]] = {name: {} for name in VARIANTS if name not in PEERS}
    for name, module in PEERS.items():
        if find_spec(module):
            found[name] = {}
        else:
            report.note(f"left out: {name} (pip install -r requirements/bench.in)")
    emulator = ROOT / ".venv-aws/bin/ministack"
    if emulator.exists() and find_spec("boto3"):
        from tests.contract import clouds  # noqa: PLC0415  # it needs pytest, this benchmark does not

        place = folder / "s3"
        place.mkdir()
        found["boto3 put in request"] = stack.enter_context(clouds.s3(place)).environ
    else:
        del found["boto3 put in request"]
        report.note("left out: boto3 put in request (make setup-aws)")
    return {name: found[name] for name in VARIANTS if name in found}


NewDatabase = Callable[[str], str]
"""From a name to the URL of an empty database."""


@contextmanager
def _sqlite(folder: Path) -> Iterator[NewDatabase]:
    yield lambda name: f"sqlite:///{folder}/{name}.db"


def _served(
    server: Callable[..., AbstractContextManager[str]],
) -> Callable[[Path], AbstractContextManager[NewDatabase]]:
    @contextmanager
    def serve(_folder: Path) -> Iterator[NewDatabase]:
        with server(durable=True) as url:
            engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")

            def create(name: str) -> str:
                with engine.connect() as connection:
                    connection.exec_driver_sql(f"CREATE DATABASE {name}")
                return engine.url.set(database=name).render_as_string(hide_password=False)

            yield create
            engine.dispose()

    return serve


SERVERS: dict[str, Callable[[Path], AbstractContextManager[NewDatabase]]] = {
    "sqlite": _sqlite,
    "mariadb": _served(databases.mariadb),
    "postgresql": _served(databases.postgresql),
}


def _case(
    report: Report, case: str, variants: Mapping[str, Mapping[str, str]], new_database: NewDatabase, rounds: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="byline-") as folder, ExitStack() as stack:
        asked = {}
        for number, (name, environ) in enumerate(variants.items()):
            place = Path(folder) / str(number)
            place.mkdir()
            url = new_database(f"variant_{number}")
            asked[name] = stack.enter_context(_process(name, url, place, environ))
            asked[name](WARM_UP)
        took: dict[str, list[int]] = {name: [] for name in asked}
        for turn in range(rounds):
            for name in (*asked, *asked)[turn % len(asked) :][: len(asked)]:
                took[name] += asked[name](TURN)
    _report(report, case, {name: sorted(found) for name, found in took.items()})


@contextmanager
def _process(variant: str, url: str, folder: Path, environ: Mapping[str, str]) -> Iterator[Callable[[int], list[int]]]:
    command = [sys.executable, "-m", "benchmarks.capture_variants", variant, url, str(folder)]
    environment = {**os.environ, **environ, "AWS_DEFAULT_REGION": "eu-central-1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, taken = process.stdin, process.stdout

        def answer() -> list[int]:
            line = taken.readline()
            if not line:
                raise RuntimeError(f"the process of {variant!r} has ended")
            found: list[int] = json.loads(line)
            return found

        def ask(count: int) -> list[int]:
            print(count, file=given, flush=True)
            return answer()

        answer()
        try:
            yield ask
        finally:
            given.close()
            process.wait(60)


def _report(report: Report, case: str, took: Mapping[str, list[int]]) -> None:
    plain50, plain99 = (_percentile(took["plain"], percent) for percent in (50, 99))
    for name, found in took.items():
        p50, p99 = _percentile(found, 50), _percentile(found, 99)
        report.line(
            case,
            name,
            p50_us=round(p50, 1),
            p99_us=round(p99, 1),
            ratio=round(p50 / plain50, 3),
            ratio_p99=round(p99 / plain99, 3),
            updates=len(found),
        )


def _percentile(sorted_ns: list[int], percent: int) -> float:
    return sorted_ns[len(sorted_ns) * percent // 100] / 1000
