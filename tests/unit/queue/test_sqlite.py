"""What only the SQLite queue does; what every queue does is in tests/contract/test_queue.py."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from byline.errors import QueueError
from byline.queue.port import Announcement, Depth
from byline.queue.schema import APPLICATION_ID, VERSION
from byline.queue.sqlite import SqliteQueue

ONE = Announcement("bucket", "events/1.json")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "a folder" / "queue.db"


@pytest.fixture
def queue(path):
    queue = SqliteQueue(path)
    yield queue
    queue.close()


def test_an_equal_announcement_that_waits_unreceived_is_folded(queue):
    queue.announce([ONE, ONE])
    queue.announce([ONE])
    assert queue.depth() == Depth(1, 0, 0)


def test_an_announcement_of_what_is_already_in_hand_is_not_folded(queue):
    queue.announce([ONE])
    held = queue.receive()
    queue.announce([ONE])
    assert queue.depth() == Depth(1, 1, 0)
    queue.release(held)
    queue.announce([ONE])
    assert queue.depth() == Depth(2, 0, 0)


def test_a_dead_message_put_back_beside_an_equal_one_is_folded(path):
    queue = SqliteQueue(path, max_receives=1)
    queue.announce([ONE])
    queue.release(queue.receive())
    queue.announce([ONE])
    (dead,) = queue.dead()
    assert queue.redrive([dead.id]) == 1
    assert queue.depth() == Depth(1, 0, 0)
    queue.close()


def test_a_batch_is_announced_whole_or_not_at_all(queue):
    with pytest.raises(QueueError):
        queue.announce([ONE, Announcement("bucket", None)])
    assert queue.depth() == Depth(0, 0, 0)


def test_more_than_a_batch_is_announced(queue):
    queue.announce(Announcement("bucket", str(n)) for n in range(20_001))
    assert queue.depth() == Depth(20_001, 0, 0)


def test_a_clock_that_goes_back_loses_nothing(path):
    now = [2_000_000_000.0]
    queue = SqliteQueue(path, clock=lambda: now[0])
    queue.announce([ONE])
    queue.receive()
    now[0] -= 1_000_000
    assert queue.depth() == Depth(0, 1, 0)
    now[0] += 1_000_061
    assert len(queue.receive()) == 1
    queue.close()


def test_a_receipt_is_ignored_as_soon_as_its_time_has_run_out(path):
    now = [2_000_000_000.0]
    queue = SqliteQueue(path, visibility=60, clock=lambda: now[0])
    queue.announce([ONE])
    (late,) = queue.receive()
    now[0] += 61
    queue.acknowledge([late])
    queue.extend([late], 1000)
    assert len(queue.receive()) == 1
    queue.close()


def test_a_message_is_counted_as_dead_before_anyone_receives_again(path):
    now = [2_000_000_000.0]
    queue = SqliteQueue(path, visibility=60, max_receives=1, clock=lambda: now[0])
    queue.announce([ONE])
    queue.receive()
    now[0] += 61
    assert queue.depth() == Depth(0, 0, 1)
    queue.close()


def test_the_time_to_wait_is_not_measured_by_the_clock_that_may_jump(path):
    queue = SqliteQueue(path, clock=lambda: 0.0)
    assert queue.receive(wait=0.1) == []
    queue.close()


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_an_announcement_is_durable_when_announce_returns(path, tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from byline.queue.sqlite import SqliteQueue, Announcement\n"
        "queue = SqliteQueue(Path(sys.argv[1]))\n"
        "os.write(1, b'before'); queue.announce([Announcement('b', 'k')]); os.write(1, b'after')\n"
    )
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-y", "-o", log, "-e", "trace=fsync,fdatasync,write", sys.executable, "-c", script, path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    between = log.read_text().partition('"before"')[2].partition('"after"')[0]
    assert "queue.db-wal" in between.partition("sync(")[2]


def test_every_question_is_answered_by_an_index(queue, path):
    connection = sqlite3.connect(path)
    questions = (
        "SELECT 1 FROM message WHERE dead_at IS NULL AND visible_at <= 1 LIMIT 1",
        "SELECT id FROM message WHERE dead_at IS NULL AND visible_at <= 1 ORDER BY visible_at, id LIMIT 10",
        "SELECT count(*) FROM message WHERE dead_at IS NULL AND visible_at <= 1 AND receive_count < 5",
        "SELECT count(*) FROM message WHERE dead_at IS NULL AND visible_at > 1",
        "SELECT count(*) FROM message WHERE dead_at IS NOT NULL",
    )
    for question in questions:
        plan = " ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + question))
        assert "INDEX" in plan, question
        assert "TEMP B-TREE" not in plan, question
    connection.close()


@pytest.mark.parametrize("damage", [b"not a database at all" * 500, b"\0" * 100])
def test_a_file_that_is_no_database_is_told_with_what_to_do(path, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(QueueError) as caught:
        SqliteQueue(path)
    assert str(path) in str(caught.value)
    assert "byline process" in caught.value.hint


def test_a_damaged_queue_is_told_with_what_to_do(path):
    queue = SqliteQueue(path)
    queue.announce(Announcement("bucket", f"events/{n}.json") for n in range(2000))
    queue.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 20)
    queue = SqliteQueue(path)
    with pytest.raises(QueueError) as caught:
        queue.receive()
    assert "byline process" in caught.value.hint
    queue.close()


def test_a_place_that_cannot_be_written_is_told_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "queue.db", tmp_path):
        with pytest.raises(QueueError) as caught:
            SqliteQueue(path)
        assert "BYLINE_QUEUE" in caught.value.hint


def test_a_newer_schema_is_refused(path):
    SqliteQueue(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(QueueError, match="newer Byline") as caught:
        SqliteQueue(path)
    assert caught.value.hint


def test_another_program_s_database_is_refused_and_left_as_it_was(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(QueueError, match="no queue of Byline"):
        SqliteQueue(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,)
    connection.close()


def test_a_closed_queue_says_so(queue):
    queue.close()
    queue.close()
    with pytest.raises(QueueError, match="closed"):
        queue.receive()


def _use_in_child(queue: SqliteQueue) -> None:
    parents = queue._link
    queue.announce([Announcement("bucket", "from the child")])
    assert len(queue.receive()) == 2
    assert queue._link is not parents
    queue.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_uses_a_connection_of_its_own(queue):
    queue.announce([ONE])
    child = multiprocessing.get_context("fork").Process(target=_use_in_child, args=(queue,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert queue.depth() == Depth(0, 2, 0)
    queue.announce([ONE])
    assert queue.depth() == Depth(1, 2, 0)


def _announce_and_die(path: Path, announced: Path) -> None:
    queue = SqliteQueue(path)
    with announced.open("a") as log:
        for n in range(100_000):
            queue.announce([Announcement("bucket", f"{n}")])
            log.write(f"{n}\n")
            log.flush()
            if n == 57:
                os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_writer_had_announced_is_there(path, tmp_path):
    writer = multiprocessing.get_context("spawn").Process(target=_announce_and_die, args=(path, tmp_path / "log"))
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    queue = SqliteQueue(path)
    assert queue.depth().waiting == len((tmp_path / "log").read_text().split()) == 58
    queue.close()


def _open(path: Path, n: int) -> None:
    queue = SqliteQueue(path)
    queue.announce([Announcement("bucket", f"{n}")])
    queue.close()


def test_several_processes_may_make_the_queue_at_once(path):
    processes = [multiprocessing.get_context("spawn").Process(target=_open, args=(path, n)) for n in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    queue = SqliteQueue(path)
    assert queue.depth() == Depth(6, 0, 0)
    queue.close()
