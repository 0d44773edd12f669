"""What the spool promises when a process forks, is killed, or its disk fails or loses its power. Real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from byline.capture.ship import ship_folder
from byline.capture.spool_process import SpoolLimits
from byline.settings import Settings
from tests.unit.capture.spooling import PATIENCE, MirrorDisk, Place, line, until

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.unit.capture.service"]

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def start(program: str, place: Place, *arguments: str, under: Sequence[str] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*under, *PROGRAM, program, str(place.spool.parent), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(program: str, place: Place, *arguments: str, under: Sequence[str] = ()) -> list[list[str]]:
    """What it said, to its end."""
    process = start(program, place, *arguments, under=under)
    said, _ = process.communicate(timeout=PATIENCE * 2)
    return [text.split() for text in said.splitlines()]


def ship(place: Place) -> None:
    settings = Settings.load(place.spool.parent, environ={"BYLINE_QUEUE": f"sqlite:///{place.queue}"})
    shipped = ship_folder(place.spool, settings)
    assert (shipped.left, shipped.error) == (0, None)


def said_before_the_kill(process: subprocess.Popen[str], lines: int) -> list[str]:
    assert process.stdout is not None
    with process:
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # communicate() would not see what readline() has read ahead
    return [text for text in [*said, *rest.splitlines(keepends=True)] if text.endswith("\n")]


# --- killed ---


@pytest.mark.parametrize("durability", ["group", "fsync"])
@pytest.mark.parametrize("lines", [1, 150, 700])
def test_what_was_accepted_before_a_kill_is_shipped_once(place: Place, durability: str, lines: int) -> None:
    said = said_before_the_kill(start("record_for_ever", place, durability), lines)
    accepted = {int(text.split()[0]) for text in said}
    ship(place)
    shipped = Counter(place.shipped())
    assert accepted <= shipped.keys()
    assert set(shipped.values()) == {1}
    assert len(shipped) <= len(accepted) + 2  # those whose call had not returned yet


def test_the_next_start_ships_what_a_killed_process_left(place: Place) -> None:
    said = said_before_the_kill(start("record_for_ever", place, "group"), 50)
    run("record_and_end", place, "1")
    accepted = {int(text.split()[0]) for text in said}
    assert accepted <= set(numbers(place))


def numbers(place: Place) -> list[int]:
    found = []
    for content in place.objects():
        for text in content.splitlines():
            event = json.loads(text)
            found.append(event["n"] if "n" in event else event["new_data"]["n"])
    return found


def test_a_script_that_just_ends_has_shipped_everything(place: Place) -> None:
    said = run("record_and_end", place, "200")
    assert len(said) == 200
    assert sorted(numbers(place)) == list(range(200))
    assert place.files() == []


@pytest.mark.parametrize(("how", "said"), [("by itself", ["ends"]), ("terminated", [])])
def test_a_bucket_that_hangs_does_not_hold_up_the_end_and_everything_is_sealed(
    place: Place, how: str, said: list[str]
) -> None:
    process = start("end_while_the_bucket_hangs", place, how)
    assert process.communicate(timeout=PATIENCE)[0].split() == said
    assert process.returncode == 0
    assert {Path(name).suffix for name in place.files()} == {".ndjson"}
    ship(place)
    assert place.shipped() == [0, 1, 2]


# --- without power ---


@pytest.mark.parametrize("durability", ["group", "fsync"])
def test_a_power_loss_takes_what_the_mode_says_and_no_more(place: Place, tmp_path: Path, durability: str) -> None:
    """With ``group`` the committer's rounds tell what may be lost, not the clock: on a busy machine a round may be
    late."""
    mirror = tmp_path / "mirror"
    said = [
        text.strip() for text in said_before_the_kill(start("record_for_ever", place, durability, str(mirror)), 600)
    ]
    MirrorDisk(mirror).lose_power(place.spool)
    ship(place)
    shipped = Counter(place.shipped())
    assert set(shipped.values()) == {1}
    if durability == "group":
        ends = [place for place, word in enumerate(said) if word == "end"]
        assert len(ends) > 3
        last = max(place for place, word in enumerate(said[: ends[-1]]) if word == "begin")
        said = said[:last]
    assert {int(word) for word in said if word.isdigit()} <= shipped.keys()


def test_with_fsync_the_first_event_of_a_segment_survives_a_power_loss(place: Place, tmp_path: Path) -> None:
    """Its file's name must be durable, too."""
    disk = MirrorDisk(tmp_path / "mirror")
    spool = place.open(disk=disk, durability="fsync", limits=SpoolLimits(seal_after=PATIENCE))
    spool.accept(line(1))
    afterwards = Place(tmp_path / "afterwards")
    shutil.copytree(place.spool, afterwards.spool)
    disk.lose_power(afterwards.spool)
    ship(afterwards)
    assert afterwards.shipped() == [1]
    spool.close(PATIENCE)


def test_the_mirror_tells_the_modes_apart(tmp_path: Path) -> None:
    """The test above could not fail if its disk lost nothing."""
    disk = MirrorDisk(tmp_path / "mirror")
    folder = tmp_path / "folder"
    folder.mkdir()
    durable, lost = disk.create(folder / "durable"), disk.create(folder / "lost")
    disk.append(durable, b"one\n")
    disk.fsync(durable)
    disk.fsync_folder(folder)
    disk.append(durable, b"two\n")
    disk.append(lost, b"three\n")
    disk.rename(folder / "durable", folder / "renamed")
    disk.lose_power(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"durable": b"one\n", "lost": b""}


# --- a disk that fails, for real ---


@needs_strace
@pytest.mark.parametrize("durability", ["group", "fsync"])
@pytest.mark.parametrize(
    "fault",
    [
        "write:error=ENOSPC:when=40..60",  # a disk that is full for a while
        "write:error=EIO:when=5+7",
        "fsync:error=EIO:when=3+4",
        "fsync:error=EIO",  # nothing reaches the disk any more
        "rename:error=EIO:when=2+3",
        "unlink:error=EIO:when=1+2",
    ],
)
def test_a_failing_disk_loses_nothing_that_was_accepted(place: Place, durability: str, fault: str) -> None:
    """The faults meet every file of the process: the bucket's and the queue's, too."""
    call = fault.partition(":")[0]
    strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={fault}"]
    said = run("record_until_refused", place, durability, under=strace)
    accepted = {int(words[0]) for words in said if words[0].isdigit()}
    refused = {int(words[1]) for words in said if words[0] == "refused"}
    assert accepted | refused == set(range(100))
    assert said[-1][:3] == ["stats", said[-1][1], str(len(refused))]  # counted
    ship(place)
    shipped = Counter(place.shipped())
    assert accepted <= shipped.keys()
    assert set(shipped.values()) <= {1}
    if not call.startswith("write"):
        assert accepted or durability == "fsync"
    else:
        assert refused


# --- forked ---


def test_processes_that_fork_share_a_spool_and_lose_nothing(place: Place) -> None:
    said = run("prefork", place, "6", "150")
    ship(place)  # what the killed and the silent ones left
    events = [json.loads(text) for content in place.objects() for text in content.splitlines()]
    recorded = Counter((event["table_id"], event["new_data"]["n"]) for event in events)
    said.remove(["stats", "0", "0"])
    assert recorded == Counter({(who, int(number)): 1 for who, number in said})
    assert {(who, count) for who, count in Counter(who for who, _ in recorded).items()} == {
        ("parent", 150),
        *((f"worker{worker}", 150) for worker in range(6)),
    }
    # Each process is a stream of its own, with no number missing and none twice; no id is twice either.
    streams: dict[str, list[int]] = {}
    for event in events:
        streams.setdefault(event["stream"]["id"], []).append(event["stream"]["seq"])
    assert len(streams) == 7
    assert all(sorted(seqs) == list(range(1, len(seqs) + 1)) for seqs in streams.values())
    assert len({event["event_id"] for event in events}) == len(events)


def test_a_child_of_a_process_that_has_shipped_to_the_cloud_leaves_its_segments_to_others(place: Place) -> None:
    said = run("fork_after_shipping", place)
    assert ["hangs"] not in said
    [child] = [words for words in said if words[0] == "child"]
    assert child[1] == "True"  # on the disk, sealed
    assert [Path(name).suffix for name in child[2:]] == [".ndjson"]
    assert said.count(["parent", "True"]) == 2
    until(lambda: not place.files())
    assert place.shipped() == [1, 2, 3]


def test_the_lock_of_a_parent_does_not_live_on_in_a_child_that_was_forked_behind_python_s_back(place: Place) -> None:
    said = run("fork_behind_python", place)
    assert said == [["parent", "True"], ["child", "False"], ["child", "True"]]


def test_the_segment_of_a_living_writer_is_left_alone(place: Place) -> None:
    process = start("hold", place)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    settings = Settings.load(place.spool.parent, environ={})
    shipped = ship_folder(place.spool, settings)
    assert (shipped.objects, shipped.left, shipped.error) == (0, 1, None)
    process.communicate("", timeout=PATIENCE)
    shipped = ship_folder(place.spool, settings)
    assert (shipped.objects, shipped.events, shipped.left) == (1, 1, 0)
    assert place.shipped() == [1]
