"""What every bucket does: the folder, and the clouds through obstore."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import uuid4

import pytest

from byline.bucket.cloud import CloudBucket
from byline.bucket.folder import FolderBucket
from byline.bucket.port import Bucket
from byline.errors import BylineError, ObjectMissing, UsageError
from tests.contract import clouds

PLACES = ("folder", "s3", "azure")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], clouds.Cloud]]:
    """An emulator by its name, started when it is first asked for."""
    with ExitStack() as running:

        @cache
        def start(name: str) -> clouds.Cloud:
            emulator = {"s3": clouds.s3, "azure": clouds.azure}[name]
            return running.enter_context(emulator(tmp_path_factory.mktemp(name)))

        yield start


@pytest.fixture(params=PLACES)
def bucket(request, tmp_path) -> Bucket:
    if request.param == "folder":
        return FolderBucket(tmp_path / "bucket")
    cloud = request.getfixturevalue("server")(request.param)
    return CloudBucket(f"{cloud.url}/tests/{uuid4()}", cloud.environ)


def read(bucket: Bucket, key: str) -> bytes:
    with bucket.open(key) as found:
        return b"".join(found)


def keys(bucket: Bucket, prefix: str = "", *, after: str = "") -> list[str]:
    return [info.key for info in bucket.list(prefix, after=after)]


@pytest.mark.parametrize("data", [b"", b"x", b'{"a": 1}\n' * 1000, bytes(range(256)) * 100])
def test_what_was_put_is_read(bucket, data):
    assert bucket.put("events/a=1/b.json", data) is True
    assert read(bucket, "events/a=1/b.json") == data


def test_an_object_is_written_once_and_never_edited(bucket):
    assert bucket.put("events/once.json", b"first") is True
    assert bucket.put("events/once.json", b"second") is False
    assert bucket.put("events/once.json", io.BytesIO(b"third")) is False
    assert read(bucket, "events/once.json") == b"first"


def test_of_many_who_put_one_key_at_once_one_writes(bucket):
    with ThreadPoolExecutor(8) as threads:
        written = list(threads.map(lambda n: bucket.put("events/race.json", b"%d" % n * 5000), range(8)))
    assert sorted(written) == [False] * 7 + [True]
    assert read(bucket, "events/race.json") == b"%d" % written.index(True) * 5000


def test_a_stream_is_put_from_where_it_stands_to_its_end(bucket):
    data = random.Random(1).randbytes(3_000_000)
    stream = io.BytesIO(b"before" + data)
    stream.seek(6)
    assert bucket.put("events/stream.ndjson.zst", stream) is True
    assert read(bucket, "events/stream.ndjson.zst") == data


def test_a_large_object_is_read_in_small_chunks(bucket):
    data = random.Random(2).randbytes((20 << 20) + 17)
    bucket.put("events/large.ndjson", data)
    with bucket.open("events/large.ndjson") as found:
        chunks = list(found)
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 4 << 20


def test_an_open_object_can_be_read_again_from_its_beginning(bucket):
    bucket.put("events/again.json", b"twice")
    with bucket.open("events/again.json") as found:
        assert b"".join(found) == b"".join(found) == b"twice"


def test_an_object_tells_its_key_size_and_time(bucket):
    before = datetime.now(UTC) - timedelta(seconds=2)  # a cloud tells whole seconds
    bucket.put("events/info.json", b"12345")
    with bucket.open("events/info.json") as found:
        opened = found.info
    (listed,) = bucket.list()
    for info in (opened, listed):
        assert (info.key, info.size) == ("events/info.json", 5)
        assert info.last_modified.utcoffset() == timedelta(0)
        assert before <= info.last_modified <= datetime.now(UTC) + timedelta(seconds=2)


@pytest.mark.parametrize("key", ["events/none.json", "none", "a/b/c/d", "../up", "events//x", "a\0b", ".tmp/x", ""])
def test_what_is_not_there_is_missing(bucket, key):
    bucket.put("events/some.json", b"x")
    with pytest.raises(ObjectMissing) as caught, bucket.open(key):
        pass
    assert caught.value.hint


def test_a_folder_is_no_object(bucket):
    bucket.put("events/day/some.json", b"x")
    with pytest.raises(ObjectMissing), bucket.open("events/day"):
        pass


CLIMBING = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".a", "a/.b"]
ODD = ["a b", "a\nb", "a\0b", "ä", "a\\b", "a%20b"]
TOO_LONG = ["x" * 201, "/".join(["x" * 200] * 6)]


@pytest.mark.parametrize("key", [*CLIMBING, *ODD, *TOO_LONG])
def test_a_key_of_another_form_is_refused(bucket, key):
    with pytest.raises(UsageError):
        bucket.put(key, b"x")
    assert keys(bucket) == []


def test_every_key_of_the_allowed_form_is_taken(bucket):
    chosen = ["a", "A/b", "x=1/y=2", "a-b/c_d/e.f", "0", "z.", "-", "_", "=", "p/" + "x" * 200]
    for key in chosen:
        assert bucket.put(key, key.encode()) is True
    assert keys(bucket) == sorted(chosen)
    assert all(read(bucket, key) == key.encode() for key in chosen)


def test_a_listing_is_in_the_order_of_whole_keys(bucket):
    chosen = ["a/z", "a-b", "a.b", "a/b/c", "a0", "aa/x", "a=b/c", "A/x", "b", "a/b-/c", "a/b.json", "a/b0"]
    for key in random.Random(3).sample(chosen, len(chosen)):
        bucket.put(key, b"x")
    assert keys(bucket) == sorted(chosen)


def test_a_listing_keeps_to_its_prefix_and_begins_behind_after(bucket):
    chosen = sorted(
        f"{top}/day={day}/{name}" for top in ("events", "events-2", "other") for day in (1, 2) for name in "ab"
    )
    for key in chosen:
        bucket.put(key, b"x")
    prefixes = [
        "",
        "e",
        "events",
        "events/",
        "events/day=1",
        "events/day=1/",
        "events/day=1/a",
        "f",
        "other/x",
        "events//",
    ]
    afters = [
        "",
        "events",
        "events/",
        "events/day=1/a",
        "events/day=1/aa",
        "events/day=1~",
        "events/day=2/b",
        "other",
        "zz",
    ]
    for prefix in prefixes:
        for after in afters:
            expected = [key for key in chosen if key.startswith(prefix) and key > after]
            assert keys(bucket, prefix, after=after) == expected, (prefix, after)


def test_a_listing_goes_on_beyond_a_page(bucket):
    with ThreadPoolExecutor(8) as threads:
        chosen = sorted(f"events/hour={n % 24:02d}/{n}.json" for n in range(1100))
        list(threads.map(lambda key: bucket.put(key, b"x"), chosen))
    assert keys(bucket) == chosen
    assert keys(bucket, after=chosen[1050]) == chosen[1051:]


def test_an_empty_bucket_lists_nothing(bucket):
    assert keys(bucket) == keys(bucket, "events/") == keys(bucket, after="a") == []


def test_a_source_that_breaks_off_leaves_no_object(bucket):
    class Breaking(io.RawIOBase):
        def read(self, size=-1):
            raise ConnectionResetError("the source broke off")

    with pytest.raises(ConnectionResetError):
        bucket.put("events/half.json", Breaking())
    assert keys(bucket) == []
    assert bucket.put("events/half.json", b"whole") is True


def test_two_prefixes_of_one_store_are_two_buckets(bucket, request, tmp_path):
    if isinstance(bucket, FolderBucket):
        other = FolderBucket(tmp_path / "bucket-2")
    else:
        cloud = request.getfixturevalue("server")(request.node.callspec.params["bucket"])
        other = CloudBucket(f"{cloud.url}/tests/{uuid4()}/deeper/still", cloud.environ)
    bucket.put("events/mine.json", b"mine")
    assert other.put("events/mine.json", b"theirs") is True
    assert keys(bucket) == keys(other) == ["events/mine.json"]
    assert (read(bucket, "events/mine.json"), read(other, "events/mine.json")) == (b"mine", b"theirs")


@pytest.mark.parametrize("place", [place for place in PLACES if place != "folder"])
def test_a_bucket_that_does_not_exist_is_no_missing_object(server, place):
    cloud = server(place)
    nowhere = CloudBucket(cloud.url + "-nowhere/prefix", cloud.environ)
    for call in (
        lambda: nowhere.put("a", b"x"),
        lambda: nowhere.open("a").__enter__(),
        lambda: list(nowhere.list()),
    ):
        with pytest.raises(BylineError, match=r"NoSuchBucket|ContainerNotFound") as caught:
            call()
        assert not isinstance(caught.value, ObjectMissing)
        assert "BYLINE_BUCKET" in caught.value.hint
        assert "\n" not in str(caught.value)


def test_wrong_credentials_are_named_as_such(server):
    cloud = server("s3")
    stranger = CloudBucket(cloud.url, {**cloud.environ, "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"})
    with pytest.raises(BylineError, match="InvalidAccessKeyId") as caught:
        stranger.put("a", b"x")
    assert "credentials" in caught.value.hint
