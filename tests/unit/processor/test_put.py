from __future__ import annotations

import errno
import gzip
import io
import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zstandard

from byline.errors import Unreachable, UsageError
from byline.processor.form import look_at
from byline.processor.put import put
from tests.acceptance.samples import event, line, lines
from tests.unit.processor.conftest import Road

HOUR = "events/micro_service_name=catalogue/date=2024-02-03/hour=04/"
UNKNOWN = "events/micro_service_name=unknown/date=1970-01-01/hour=00/"


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (line(), HOUR + "{}.json"),
        (pretty(event()), HOUR + "{}.json"),
        (b"\n\n" + line() + b"\n", HOUR + "{}.json"),
        (b"\xef\xbb\xbf" + pretty(event()), HOUR + "{}.json"),
        (lines(range(3)), HOUR + "{}.ndjson"),
        (b"broken\n" + line(), HOUR + "{}.ndjson"),
        (line()[:-1] + b"\n" + line(), HOUR + "{}.ndjson"),
        (gzip.compress(line()), HOUR + "{}.json.gz"),
        (zstandard.compress(lines(range(3))), HOUR + "{}.ndjson.zst"),
        (gzip.compress(lines(range(9)))[:-4], HOUR + "{}.ndjson.gz"),
        (b"", UNKNOWN + "{}.ndjson"),
        (b"\n", UNKNOWN + "{}.ndjson"),
        (b"{", UNKNOWN + "{}.json"),
        (pretty(event())[:-3], UNKNOWN + "{}.json"),
        (pretty([event(), event(1)]), UNKNOWN + "{}.json"),
        (b"{}\n{}\n", UNKNOWN + "{}.ndjson"),
        (b"[" * 100_000, UNKNOWN + "{}.json"),
        (b"x" * (9 << 20) + b"\n" + line(), HOUR + "{}.ndjson"),
        (b"x" * (9 << 20), UNKNOWN + "{}.json"),
        (b"\x1f\x8b broken", UNKNOWN + "{}.ndjson.gz"),
    ],
    ids=range(20),
)
def test_the_key_is_told_by_the_bytes_alone(road: Road, tmp_path: Path, data: bytes, place: str) -> None:
    key = place.format(sha256(data).hexdigest())
    file = tmp_path / "misleading.zip"
    file.write_bytes(data)
    assert put(road.bucket, road.queue, data).key == key
    laid = put(road.bucket, road.queue, file)
    assert (laid.key, laid.new) == (key, False)
    with road.bucket.open(key) as opened:
        assert b"".join(opened) == data, "the file lies there as it is"


def test_it_is_announced_each_time(road: Road) -> None:
    for new in (True, False):
        assert put(road.bucket, road.queue, line()).new is new
        (delivery,) = road.queue.receive()
        assert delivery.announcements[0].bucket == road.bucket.name
        road.queue.acknowledge([delivery])


class Pipe(io.RawIOBase):
    """Bytes that come but once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def test_a_pipe_is_put_like_a_file(road: Road) -> None:
    data = lines(range(5))
    laid = put(road.bucket, road.queue, io.BufferedReader(Pipe(data)))
    assert laid == type(laid)(HOUR + sha256(data).hexdigest() + ".ndjson", new=True)


def test_a_pipe_that_finds_no_room_is_told_and_nothing_is_put(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(Unreachable, match="No space left"):
        put(road.bucket, road.queue, io.BufferedReader(Pipe(line())))
    assert list(road.bucket.list()) == []


def test_a_file_that_changes_while_it_is_read_is_not_put(road: Road, tmp_path: Path) -> None:
    class Growing(io.BytesIO):
        """Somebody appends whenever it is read from its beginning again."""

        def seek(self, offset: int, whence: int = 0) -> int:
            super().seek(0, io.SEEK_END)
            self.write(b"\n" + line(7))
            return super().seek(offset, whence)

    with pytest.raises(UsageError, match="changed while it was read"):
        put(road.bucket, road.queue, Growing(line()))
    assert list(road.bucket.list()) == []


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_what_cannot_be_read_is_told(road: Road, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read|is a folder"):
        put(road.bucket, road.queue, tmp_path / name)


def test_the_first_event_that_can_be_read_is_looked_for_to_the_end() -> None:
    data = (b'{"half": ' + b"x" * 990 + b"\n") * 9_000 + line()
    content = look_at(data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20))
    assert (content.service, content.suffix) == ("catalogue", "ndjson")
