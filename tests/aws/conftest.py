"""One deployment for all tests, and the figures that they saw."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from byline.bucket.folder import FolderBucket
from byline.history.sqlite import SqliteHistory
from byline.processor import Processor
from byline.processor.put import put
from byline.queue.sqlite import SqliteQueue
from infra import package
from tests import emulator
from tests.aws.deploying import build, deploy
from tests.aws.stack import Stack
from tests.databases import Missing


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of every function, built once for all the processes that the tests run in."""
    if not emulator.VENV.is_dir():
        pytest.skip("needs the emulator of AWS: make setup-aws")
    root = tmp_path_factory.getbasetemp()
    shared = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "zips"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "built").exists():
            build(shared)
            (shared / "built").touch()
    return {function: shared / f"{function}.zip" for function in package.FUNCTIONS}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, zips: dict[str, Path]) -> Iterator[Stack]:
    try:
        with deploy(tmp_path_factory.mktemp("aws"), zips) as made:
            yield made
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def laptop(tmp_path: Path) -> Callable[[bytes], list[tuple[Any, ...]]]:
    """What the same bytes give without any cloud: the rows of ``change_history`` in SQLite."""

    def rows(body: bytes) -> list[tuple[Any, ...]]:
        bucket, queue = FolderBucket(tmp_path / "bucket"), SqliteQueue(tmp_path / "queue.db")
        history = SqliteHistory(tmp_path / "history.db")
        history.writer.migrate()
        put(bucket, queue, body)
        Processor(bucket, queue, history).run()
        queue.close()
        history.close()
        engine = create_engine(f"sqlite:///{tmp_path}/history.db")
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text("SELECT * FROM change_history"))]
        engine.dispose()
        return found

    return rows


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures are for reading: no test depends on how fast the machine is."""
    told = [found for report in terminalreporter.getreports("passed") for found in report.user_properties]
    if told:
        terminalreporter.section("what was seen")
        for name, value in told:
            terminalreporter.write_line(f"{name}: {value}")
