from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hatchling.builders.wheel import WheelBuilder

from byline.cli.demo_shop import EVENTS
from examples.shop.traffic import REFUND
from tests.acceptance.running import BYLINE, PATIENCE, environment, run, serving
from tests.markdown import ROOT


class Played(NamedTuple):
    """A demo that has ended, and the folder in which it was called."""

    done: subprocess.CompletedProcess[str]
    here: Path

    @property
    def folder(self) -> Path:
        return folder_of(self.done.stdout)

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        asked = run(*arguments, "--json", "--data", str(self.folder), cwd=self.here)
        return [json.loads(row) for row in asked.stdout.splitlines()]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """One for all tests that only look at it."""
    here, scratch = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("scratch")
    return Played(run("demo", "--exit", cwd=here, TMPDIR=str(scratch)), here)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder; temporary folders are made beside it."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    made = tmp_path / "here"
    made.mkdir()
    return made


def folder_of(printed: str) -> Path:
    found = re.search(r"--data (\S+)", printed)
    assert found is not None
    return Path(found[1])


def test_the_demo_plays_the_whole_road_and_ends(played: Played) -> None:
    assert (played.done.returncode, played.done.stderr) == (0, "")
    printed = played.done.stdout
    for stage in ("spool", "bucket", "queue", "processor", "history"):
        assert re.search(rf"^  {stage} ", printed, re.MULTILINE), stage
    assert "Pavan Kumar changed `inventory` and `title` of products_master 1." in printed
    assert "The job issue_credit_note created credit_notes 1." in printed
    assert "unknown_action" in printed


def test_the_demo_leaves_nothing_where_it_was_called(played: Played) -> None:
    assert list(played.here.iterdir()) == []


def test_every_command_that_the_demo_shows_works_and_answers(played: Played) -> None:
    commands = re.findall(r"^\$ byline (.*)$", played.done.stdout, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        done = run(*shlex.split(command), cwd=played.here)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip(), command


def test_the_demo_refunds_in_one_request_across_services_and_job(played: Played) -> None:
    rows = played.ask("request", REFUND)
    assert {(row["microservice_name"], row["table_id"], row["user_name"]) for row in rows} == {
        ("product_management", "products_master", "Lena Fischer"),
        ("orders", "orders", "Lena Fischer"),
        ("orders", "credit_notes", "Lena Fischer"),
    }


def test_the_demo_is_dated_today(played: Played) -> None:
    rows = played.ask("search", "--events", "--limit", "0")
    now = datetime.now(UTC)
    assert all(now - timedelta(hours=2) < datetime.fromisoformat(row["occurred_at"]) < now for row in rows)


def test_the_demo_may_be_played_again_and_never_in_the_same_place(played: Played, here: Path) -> None:
    again = Played(run("demo", "--exit", cwd=here), here)
    assert again.folder != played.folder
    for one in (played, again):
        assert len(one.ask("search", "--events", "--limit", "0")) == EVENTS


def test_the_demo_is_played_from_a_wheel_too(here: Path, tmp_path: Path) -> None:
    """Where there is no checkout the wheel itself has to hold the services."""
    wheel = build_wheel(tmp_path)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")
    code = "import byline.cli, sys; print(byline.__file__, flush=True); sys.exit(byline.cli.run(['demo', '--exit']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here,
        env=environment(PYTHONPATH=str(tmp_path / "installed")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(tmp_path / "installed"))
    assert "The job issue_credit_note created credit_notes 1." in done.stdout


def build_wheel(folder: Path) -> Path:
    builder = WheelBuilder(str(ROOT))
    return Path(next(builder.build(directory=str(folder / "wheel"), versions=["standard"])))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes by way of /proc")
def test_ctrl_c_in_the_middle_ends_the_demo_and_all_of_its_services(here: Path) -> None:
    demo = subprocess.Popen(
        [BYLINE, "demo", "--exit"],
        cwd=here,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with demo:
        assert demo.stdout is not None
        while "Pavan Kumar" not in demo.stdout.readline():
            pass
        assert any("examples.order_service.jobs" in one for one in running(here.parent))
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 130
    assert running(here.parent) == []


def running(folder: Path) -> list[str]:
    """The commands of all processes whose environment names this folder."""
    found = [path.parent for path in Path("/proc").glob("[0-9]*/environ") if str(folder) in read(path)]
    return [read(process / "cmdline") for process in found]


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended, or is not ours
        return ""


def test_the_demo_leaves_real_data_alone(here: Path) -> None:
    real = here / "real"
    real.mkdir()
    (real / "history.db").write_bytes(b"precious")
    done = run("demo", "--exit", cwd=here, BYLINE_DATA=str(real), BYLINE_HISTORY=f"sqlite:///{real}/history.db")
    assert done.returncode == 0, done.stderr
    assert [(path.name, path.read_bytes()) for path in real.iterdir()] == [("history.db", b"precious")]
    refused = run("demo", "--exit", "--data", str(real), cwd=here)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert [(path.name, path.read_bytes()) for path in real.iterdir()] == [("history.db", b"precious")]


def test_the_demo_serves_its_page_until_it_is_told_to_end(here: Path) -> None:
    with serving("demo", cwd=here) as demo:
        page = demo.client.get("/").text
        assert "What changed" in page
        assert "Lena Fischer" in page
        assert demo.client.get("/health").json()["history"]["dead_letters"] == 1
        assert demo.stop(signal.SIGINT) == (0, "")


def test_a_port_that_is_taken_is_told_before_anything_is_written(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("demo", "--port", str(taken.getsockname()[1]), "--data", "new", cwd=here)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (here / "new").exists()
