"""What only the folder does; what every bucket does is in tests/contract/test_bucket.py."""

from __future__ import annotations

import multiprocessing
import os
import stat
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from byline.bucket.folder import FolderBucket
from byline.bucket.walk import info_of
from byline.errors import BucketError, ObjectMissing

OPEN_FILES = Path("/proc/self/fd")


def keys(bucket: FolderBucket) -> list[str]:
    return [info.key for info in bucket.list()]


def test_the_bucket_is_named_by_its_real_folder(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert FolderBucket(Path("link")).name == FolderBucket(tmp_path / "real").name == (tmp_path / "real").as_uri()


@pytest.mark.parametrize("name", ["a b", "50%", "#1", "käse?x", "%20", "~"])
def test_a_folder_of_any_name_will_do(tmp_path, name):
    bucket = FolderBucket(tmp_path / name / "deep" / "bucket")
    assert bucket.put("events/a.json", b"x") is True
    assert (tmp_path / name / "deep/bucket/events/a.json").read_bytes() == b"x"


def test_opening_and_reading_make_no_folder(tmp_path):
    bucket = FolderBucket(tmp_path / "bucket")
    assert keys(bucket) == []
    with pytest.raises(ObjectMissing), bucket.open("events/a.json"):
        pass
    assert not (tmp_path / "bucket").exists()


def test_what_is_unfinished_or_hidden_is_not_listed(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.put("events/a.json", b"x")
    for name in (".tmp/12-ab", ".hidden", "events/.a.json.swp", "events/.git/b.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    assert keys(bucket) == ["events/a.json"]


def test_what_dead_processes_left_is_swept_after_an_hour_and_not_before(tmp_path):
    (tmp_path / ".tmp").mkdir()
    old, young = tmp_path / ".tmp/1-old", tmp_path / ".tmp/2-young"
    for file, age in ((old, 3700), (young, 3000)):
        file.write_bytes(b"half")
        os.utime(file, (time.time() - age,) * 2)
    FolderBucket(tmp_path)
    assert not old.exists()
    assert young.exists()


def test_a_put_leaves_nothing_unfinished_and_one_link(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.put("events/a.json", b"x")
    bucket.put("events/a.json", b"y")
    assert list((tmp_path / ".tmp").iterdir()) == []
    assert (tmp_path / "events/a.json").stat().st_nlink == 1


def test_an_object_may_be_read_by_whom_the_umask_lets(tmp_path):
    previous = os.umask(0o027)
    try:
        FolderBucket(tmp_path).put("events/a.json", b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "events/a.json").stat().st_mode) == 0o640


def test_symbolic_links_do_not_lead_out_of_the_bucket(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_bytes(b"secret")
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("events/a.json", b"x")
    (tmp_path / "bucket/events/folder").symlink_to(outside)
    (tmp_path / "bucket/events/file.json").symlink_to(outside / "secret.json")
    assert keys(bucket) == ["events/a.json"]
    for key in ("events/folder/secret.json", "events/file.json"):
        with pytest.raises(ObjectMissing), bucket.open(key):
            pass
    for key in ("events/folder/new.json", "events/file.json"):
        with pytest.raises(BucketError) as caught:
            bucket.put(key, b"y")
        assert caught.value.hint
    assert [file.name for file in outside.iterdir()] == ["secret.json"]


def test_a_pipe_in_the_bucket_is_no_object_and_stops_nobody(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.put("events/a.json", b"x")
    os.mkfifo(tmp_path / "events/pipe.json")
    assert keys(bucket) == ["events/a.json"]
    with pytest.raises(ObjectMissing), bucket.open("events/pipe.json"):
        pass


def test_a_key_below_an_object_and_an_object_above_a_key_are_refused(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.put("events/a", b"x")
    bucket.put("events/b/c", b"x")
    for key in ("events/a/b", "events/b"):
        with pytest.raises(BucketError) as caught:
            bucket.put(key, b"y")
        assert caught.value.hint
    assert keys(bucket) == ["events/a", "events/b/c"]


def test_files_of_other_names_that_somebody_laid_there_are_listed_and_read(tmp_path):
    (tmp_path / "events").mkdir()
    (tmp_path / "events/käse +1 %20.json").write_bytes(b"x")
    (tmp_path / os.fsdecode(b"events/no-text-\xff.json")).write_bytes(b"x")
    bucket = FolderBucket(tmp_path)
    assert keys(bucket) == ["events/käse +1 %20.json"]
    with bucket.open("events/käse +1 %20.json") as found:
        assert b"".join(found) == b"x"


@pytest.mark.parametrize(("seconds", "year"), [(-(10**12), 1), (10**12, 9999), (1_700_000_000, 2023)])
def test_a_file_from_a_year_that_there_is_not_is_listed_all_the_same(seconds, year):
    status = SimpleNamespace(st_mtime_ns=seconds * 10**9, st_size=1)
    assert info_of("events/a.json", status).last_modified.year == year


def test_a_listing_goes_on_when_files_and_folders_vanish_meanwhile(tmp_path):
    bucket = FolderBucket(tmp_path)
    for key in ("a/1", "a/2", "b/1", "c/1", "d"):
        bucket.put(key, b"x")
    listing = bucket.list()
    assert next(listing).key == "a/1"
    (tmp_path / "a/2").unlink()
    (tmp_path / "b/1").unlink()
    (tmp_path / "b").rmdir()
    assert [info.key for info in listing] == ["c/1", "d"]


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="needs /proc")
def test_a_listing_that_is_broken_off_leaves_no_open_file(tmp_path):
    bucket = FolderBucket(tmp_path)
    for key in ("a/b/c/1", "a/b/c/2"):
        bucket.put(key, b"x")
    before = len(list(OPEN_FILES.iterdir()))
    listing = bucket.list()
    next(listing)
    listing.close()
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_folder_that_was_removed_is_made_again(tmp_path):
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("events/day/a.json", b"x")
    for name in ("events/day/a.json", ".tmp"):
        path = tmp_path / "bucket" / name
        path.unlink() if path.is_file() else path.rmdir()
    for name in ("events/day", "events", ""):
        (tmp_path / "bucket" / name).rmdir()
    assert bucket.put("events/day/a.json", b"y") is True
    assert keys(bucket) == ["events/day/a.json"]


def test_a_file_where_the_bucket_should_be_is_told(tmp_path):
    (tmp_path / "bucket").write_text("a file")
    bucket = FolderBucket(tmp_path / "bucket")
    for call in (lambda: bucket.put("a", b"x"), lambda: list(bucket.list())):
        with pytest.raises(BucketError, match="Not a directory") as caught:
            call()
        assert caught.value.hint


def _put_many(root: Path, writer: int) -> int:
    bucket = FolderBucket(root)
    return sum(bucket.put(f"events/hour={n % 3}/{n}.json", b"%d" % writer * 3000) for n in range(60))


def test_of_many_processes_one_writes_each_object(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        written = pool.starmap(_put_many, [(tmp_path, writer) for writer in range(3)])
    bucket = FolderBucket(tmp_path)
    assert sum(written) == len(keys(bucket)) == 60
    for info in bucket.list():
        with bucket.open(info.key) as found:
            data = b"".join(found)
        assert data == data[:1] * 3000
