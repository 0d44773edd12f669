"""The durable folder, with faults injected into its system calls by strace, one after the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from byline.bucket.folder import FolderBucket

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")

ROOT = Path(__file__).parents[2]

FOLDER = "events/micro_service_name=a/date=2020-07-29/hour=19"

PUTS = {f"{FOLDER}/1.json": b"one" * 1000, f"{FOLDER}/2.json": b"two" * 1_000_000}

SCRIPT = """
import json, sys
from pathlib import Path
from byline.bucket.folder import FolderBucket
from byline.errors import BucketError
from tests.contract.test_bucket_faults import PUTS

bucket = FolderBucket(Path(sys.argv[1]))
for key, data in PUTS.items():
    try:
        answer = bucket.put(key, data)
    except BucketError as error:
        answer = error.hint
    print(json.dumps([key, answer]), flush=True)
"""

CALLS = "fsync,linkat,unlinkat,mkdirat,write"


def put_under_strace(folder: Path, *arguments: str, trace: str = CALLS) -> tuple[dict[str, bool | str], list[str]]:
    """The answers of the puts, as far as the process came; and its system calls, in order, with their paths."""
    folder.mkdir(exist_ok=True)
    log = folder / "strace.log"
    strace = ["strace", "-f", "-y", "-s", "0", "-o", log, "-e", f"trace={trace}", *arguments]
    script = [sys.executable, "-c", SCRIPT, folder / "bucket"]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*strace, *script], stdout=subprocess.PIPE, cwd=ROOT, env=environ, check=False)
    answers = dict(json.loads(line) for line in done.stdout.splitlines())
    return answers, [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]


def fsynced(calls: list[str]) -> list[str]:
    """The paths that were fsynced, in order."""
    return re.findall(r"fsync\(\d+<([^>]*)>", "\n".join(calls))


def contents(bucket: FolderBucket) -> dict[str, bytes]:
    found = {}
    for info in bucket.list():
        with bucket.open(info.key) as opened:
            found[info.key] = b"".join(opened)
    return found


def count(folder: Path, call: str) -> int:
    """How often the undisturbed script makes this call, so that each can be disturbed in its turn."""
    return sum(line.startswith(f"{call}(") for line in put_under_strace(folder, trace=call)[1])


def assert_told(answers: dict[str, bool | str], hint: str) -> None:
    """Exactly one put failed, and said what to do."""
    (told,) = [answer for answer in answers.values() if answer is not True]
    assert hint in told


def assert_sound_after(folder: Path, answers: dict[str, bool | str]) -> None:
    """Every object is whole or absent, what was promised is there, and putting again mends the rest."""
    bucket = FolderBucket(folder / "bucket")
    found = contents(bucket)
    assert found.items() <= PUTS.items()
    assert {key for key, answer in answers.items() if answer is True} <= found.keys()
    for key, data in PUTS.items():
        assert bucket.put(key, data) is (key not in found)
    assert contents(bucket) == PUTS


def test_a_put_makes_the_file_durable_before_its_name_and_then_the_name(tmp_path):
    answers, calls = put_under_strace(tmp_path, trace="fsync,linkat,unlinkat")
    assert list(answers.values()) == [True, True]
    second = [call for call in calls if not call.startswith("+++")][-4:]
    assert [call.partition("(")[0] for call in second] == ["fsync", "linkat", "fsync", "unlinkat"]
    file, folder = fsynced(second)
    assert file.startswith(f"{tmp_path}/bucket/.tmp/")
    assert folder == f"{tmp_path}/bucket/{FOLDER}"


def test_a_put_into_a_known_folder_costs_two_fsyncs_and_each_new_folder_one_more(tmp_path):
    _, calls = put_under_strace(tmp_path, trace="fsync")
    parts = FOLDER.split("/")
    parents = ["", *("/" + "/".join(parts[:depth]) for depth in range(len(parts)))]
    known = [path for path in fsynced(calls) if "/.tmp/" not in path and not path.endswith(FOLDER)]
    # The bucket's own folder holds two new ones: the first part of the key, and where unfinished files lie.
    assert sorted(known) == sorted([str(tmp_path), *(f"{tmp_path}/bucket{parent.rstrip('/')}" for parent in parents)])
    assert len(fsynced(calls)) == len(known) + 2 * len(PUTS)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_failed_fsync_is_told_and_never_tried_again_on_that_descriptor(tmp_path, error):
    total = count(tmp_path / "0", "fsync")
    assert total >= 10
    for nth in range(1, total + 1) if error == "EIO" else (total - 1, total):
        folder = tmp_path / str(nth)
        answers, calls = put_under_strace(folder, "-e", f"inject=fsync:error={error}:when={nth}")
        (failed,) = [line for line in calls if "INJECTED" in line]
        assert sum(line.startswith(failed.partition(">")[0]) for line in calls if "/.tmp/" in line) <= 1
        assert_told(answers, {"EIO": "disk failed", "ENOSPC": "disk is full"}[error])
        assert not list((folder / "bucket").glob(".tmp/*")), nth
        assert_sound_after(folder, answers)


@pytest.mark.parametrize("call", ["write", "linkat", "mkdirat"])
def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, call):
    _, undisturbed = put_under_strace(tmp_path / "0", trace=call)
    made = [line for line in undisturbed if line.startswith(call)]
    ours = [nth for nth, line in enumerate(made, start=1) if str(tmp_path) in line and "strace.log" not in line]
    assert len(ours) >= 2
    for nth in ours:
        folder = tmp_path / str(nth)
        answers, calls = put_under_strace(folder, "-e", f"inject={call}:error=ENOSPC:when={nth}", trace=call)
        assert [line for line in calls if "INJECTED" in line and str(folder) in line]
        assert_told(answers, "disk is full")
        assert not list((folder / "bucket").glob(".tmp/*")), nth
        assert_sound_after(folder, answers)


@pytest.mark.parametrize("call", ["fsync", "linkat", "unlinkat", "mkdirat"])
def test_a_crash_at_any_point_leaves_whole_objects_or_none(tmp_path, call):
    total = count(tmp_path / "0", call)
    assert total >= 2
    for nth in range(1, total + 1):
        folder = tmp_path / str(nth)
        answers, calls = put_under_strace(folder, "-e", f"inject={call}:signal=SIGKILL:when={nth}")
        assert "+++ killed by SIGKILL +++" in calls, nth
        assert len(answers) < len(PUTS)
        assert_sound_after(folder, answers)


def test_a_put_after_a_crash_before_the_folder_was_durable_makes_it_durable(tmp_path):
    first = next(iter(PUTS))
    total = count(tmp_path / "0", "fsync")
    folder = tmp_path / "1"
    # The last fsync but two is the folder's, of the first object: the second costs two.
    answers, _ = put_under_strace(folder, "-e", f"inject=fsync:signal=SIGKILL:when={total - 2}")
    assert answers == {}
    assert list(contents(FolderBucket(folder / "bucket"))) == [first]
    answers, calls = put_under_strace(folder)
    assert answers[first] is False
    until_the_second = calls[: next(n for n, call in enumerate(calls) if call.startswith("linkat"))]
    assert f"{folder}/bucket/{FOLDER}" in fsynced(until_the_second)
    led_there = {str(folder / "bucket" / parent) for parent in Path(FOLDER).parents}
    assert led_there <= set(fsynced(until_the_second)), "nor may any folder above it be durable yet"
