"""What holds for every command: statuses, one-line errors, pipes, terminals, and that a laptop needs nothing set up."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from byline.model.schema import json_schema
from byline.queue.sqlite import SqliteQueue
from tests.acceptance.conftest import BYLINE, Byline
from tests.acceptance.samples import line, lines

READING = [
    ("history", "products", "1"),
    ("request", "r"),
    ("user", "u"),
    ("search",),
    ("show", "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"),
    ("state", "products", "1"),
    ("blame", "products", "1"),
    ("undo", "r"),
    ("export",),
    ("search", "--unexplained"),
    ("dead-letters",),
    ("dead-letters", "list"),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_where_nothing_is_recorded_yet_reading_answers_nothing_and_says_what_to_do(
    byline: Byline, command: tuple[str, ...]
) -> None:
    answer = byline(*command)
    assert answer.out == b""
    assert "byline put" in answer.errors
    assert answer.errors.count("\n") == 1
    assert not (byline.data / "history.db").exists(), "reading makes nothing"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("history", "products"),
        ("search", "--colour", "red"),
        ("search", "--action", "upsert"),
        ("search", "--order", "random"),
        ("search", "--from", "yesterday"),
        ("search", "--from", "2024-02-30"),
        ("search", "--to", "0001-01-01T00:00:00+23:00"),
        ("search", "--limit", "-1"),
        ("put",),
        ("put", "there-is-no-such-file.json"),
        ("put", "."),
        ("process", "--data", "~nobody-of-this-name/x"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_status_2_and_one_line(byline: Byline, arguments: tuple[str, ...]) -> None:
    answer = byline(*arguments, status=2)
    assert (answer.out, answer.errors.count("\n")) == (b"", 1)


def test_nothing_is_put_where_one_file_is_missing(byline: Byline) -> None:
    byline.file("a.json", line())
    byline("put", "a.json", "b.json", status=2)
    assert not (byline.data / "bucket").exists()


@pytest.mark.parametrize(
    "command", [("history", "t", "1"), ("process",), ("migrate",), ("rebuild",), ("dead-letters",)]
)
def test_a_history_that_does_not_answer_is_status_3_and_one_line(byline: Byline, command: tuple[str, ...]) -> None:
    byline.data.mkdir()
    (byline.data / "history.db").write_bytes(b"no database at all" * 100)
    answer = byline(*command, status=3)
    assert (answer.out, answer.errors.count("\n")) == (b"", 1)


def test_data_may_be_given_to_a_command_or_in_the_environment(byline: Byline) -> None:
    byline("put", "-", "--data", "elsewhere", stdin=line())
    assert (byline.folder / "elsewhere/queue.db").exists()
    assert byline("process", "--data", "elsewhere", "--json").rows[0]["events"] == 1
    assert byline("history", "products", "0", "--json").rows == []
    assert len(byline("history", "products", "0", "--json", BYLINE_DATA="elsewhere").rows) == 2


def test_standard_input_and_files_together(byline: Byline) -> None:
    byline.file("a.json", line(1))
    rows = byline("put", "a.json", "-", "--json", stdin=lines(range(2, 5))).rows
    assert [row["file"] for row in rows] == ["a.json", "-"]
    assert byline("process", "--json").rows[0]["events"] == 4


def test_limit_counts_rows_and_0_gives_all(byline: Byline) -> None:
    byline("put", "-", stdin=lines(range(700)))
    byline("process")
    assert len(byline("search", "--json").rows) == 50
    assert len(byline("search", "--json", "--limit", "0").rows) == 1400
    assert len(byline("search", "--json", "--limit", "1201").rows) == 1201
    assert len(byline("search", "--json", "--events", "--limit", "0").rows) == 700


def test_a_reader_that_goes_away_ends_the_command_without_a_word(byline: Byline) -> None:
    byline("put", "-", stdin=lines(range(700)))
    byline("process")
    done = subprocess.run(
        f"{BYLINE} search --limit 0 --json --data {byline.data} | head -n 1",
        shell=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def on_a_terminal(byline: Byline, *arguments: str) -> bytes:
    """What a person would see: output and errors, in a terminal of its own."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "BYLINE_DATA": str(byline.data), "COLUMNS": "400", "TERM": "xterm"}
    with subprocess.Popen([BYLINE, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            seen += chunk
        assert process.wait() == 0
    os.close(ours)
    return seen


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe [bold red]not markup[/] :smile:"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Byline:
    folder = tmp_path_factory.mktemp("hostile")
    byline = Byline(folder / "data", folder)
    event = line(1, table_id=HOSTILE, new_data={"price": HOSTILE, HOSTILE: 1}) + b"\n" + line(2, action=HOSTILE)
    byline("put", "-", stdin=event + b"\n{" + HOSTILE.encode())
    byline("process")
    return byline


@pytest.mark.parametrize(
    "arguments",
    [
        ("search",),
        ("search", "--json"),
        ("search", "--events"),
        ("search", "--events", "--json"),
        ("state", HOSTILE, "1"),
        ("blame", HOSTILE, "1"),
        ("history", HOSTILE, "1"),
        ("dead-letters",),
        ("dead-letters", "list", "--json"),
    ],
    ids=range(9),
)
def test_stored_text_never_reaches_a_terminal_as_control_sequences(hostile: Byline, arguments: tuple[str, ...]) -> None:
    seen = on_a_terminal(hostile, *arguments)
    assert b"owned" in seen
    for forbidden in (b"\x1b]", b"\x1b[2J", b"\x07", "\x9b".encode(), "\u202e".encode(), "😄".encode()):
        assert forbidden not in seen
    assert b"[bold red]not" in seen, "markup is text like any other"


def test_raw_bytes_are_shown_as_escapes_on_a_terminal_and_exactly_on_a_pipe(hostile: Byline) -> None:
    letter = next(row for row in hostile("dead-letters", "--json").rows if row["reason"] == "invalid_json")
    arguments = ("dead-letters", "show", letter["id"], "--raw")
    assert hostile(*arguments).out == b"{" + HOSTILE.encode()
    assert b"{\\x1b]0;owned\\x07" in on_a_terminal(hostile, *arguments)


def test_a_terminal_gets_a_table(hostile: Byline) -> None:
    assert b"\t" not in on_a_terminal(hostile, "search")


def test_doctor_finds_nothing_wrong_on_a_new_laptop_or_a_healthy_one(byline: Byline) -> None:
    assert all(row["ok"] for row in byline("doctor", "--json").rows)
    assert not byline.data.exists(), "looking changes nothing"
    byline("put", "-", stdin=line())
    byline("process")
    before = sorted(byline.data.rglob("*"))
    assert all(row["ok"] for row in byline("doctor", "--json").rows)
    assert [path for path in sorted(byline.data.rglob("*")) if not path.name.endswith(("-wal", "-shm"))] == [
        path for path in before if not path.name.endswith(("-wal", "-shm"))
    ]


def test_doctor_finds_nothing_wrong_with_files_of_other_names_in_the_bucket(byline: Byline) -> None:
    byline("put", "-", stdin=line())
    byline("process")
    (byline.data / "bucket/a file.json").write_bytes(b"{}")
    (finding,) = [row for row in byline("doctor", "--json").rows if row["check"] == "bucket"]
    assert "written" in finding["detail"]


def test_doctor_names_each_problem_with_its_mend(byline: Byline) -> None:
    byline("put", "-", stdin=line() + b"\n{")
    byline("process")
    byline("put", "-", stdin=line(1))
    problems = {row["check"]: row["mend"] for row in byline("doctor", "--json", status=1).rows if not row["ok"]}
    assert set(problems) == {"objects", "dead letters"}
    assert "byline process" in problems["objects"]
    assert "byline dead-letters" in problems["dead letters"]
    (byline.data / "history.db").write_bytes(b"no database at all" * 100)
    assert "PROBLEM" in byline("doctor", status=1).text


def test_schema_is_the_json_schema_of_the_audit_event(byline: Byline) -> None:
    assert json.loads(byline("schema").out) == json_schema()


def test_version(byline: Byline) -> None:
    assert byline("--version").text.startswith("byline ")


@pytest.mark.parametrize(
    "arguments", [("--help",), ("schema",), ("put", "--help"), ("history", "--help")], ids=" ".join
)
def test_help_and_schema_load_no_database_and_no_web(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from byline.cli import run\n"
        f"run({list(arguments)!r})\n"
        "heavy = {'sqlalchemy', 'alembic', 'fastapi', 'uvicorn', 'obstore', 'boto3', 'ua_parser'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


def wait_for_object(byline: Byline, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and byline("search", "--json", status=None).out == b"":
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_follower_ends_after_what_it_has_in_hand_when_it_is_told(
    byline: Byline, number: signal.Signals, status: int
) -> None:
    byline("put", "-", stdin=lines(range(10)))
    process = byline.start("process", "--follow", "--json")
    wait_for_object(byline, process)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (status, b"")
    assert json.loads(out)["events"] == 10
    queue = SqliteQueue(byline.data / "queue.db")
    assert queue.depth().in_flight == 0
    queue.close()


def test_ctrl_c_ends_a_command_quietly(byline: Byline) -> None:
    os.mkfifo(byline.folder / "pipe")
    process = byline.start("put", "pipe")
    # Opening the other end waits until the command reads.
    with (byline.folder / "pipe").open("wb"):
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")
