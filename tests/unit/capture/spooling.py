"""What the tests of the spool stand on: real folders, and faults put in front of them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import zstandard

from byline.bucket.folder import FolderBucket
from byline.capture.disk import Disk
from byline.capture.spool import Spool
from byline.capture.spool_process import SpoolLimits
from byline.errors import BucketError
from byline.queue.sqlite import SqliteQueue

PATIENCE = 60.0
"""Seconds after which something that has to happen is said never to happen. The machine may be busy."""

QUICK = SpoolLimits(seal_after=0.05)


class Place:
    """A spool folder, a bucket and a queue in one folder."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self.bucket = folder / "bucket"
        self.queue = folder / "queue.db"

    def open(self, *, bucket: FolderBucket | None = None, limits: SpoolLimits = QUICK, **options: Any) -> Spool:
        return Spool(self.spool, lambda: bucket or FolderBucket(self.bucket), self.open_queue, limits=limits, **options)

    def open_queue(self) -> SqliteQueue:
        return SqliteQueue(self.queue)

    def keys(self) -> list[str]:
        return [info.key for info in FolderBucket(self.bucket).list()]

    def objects(self) -> Iterator[bytes]:
        """Inflated."""
        bucket = FolderBucket(self.bucket)
        for key in self.keys():
            with bucket.open(key) as stored:
                yield zstandard.ZstdDecompressor().decompress(b"".join(stored))

    def shipped(self) -> list[int]:
        """The number in every line in the bucket, sorted."""
        return sorted(json.loads(line)["n"] for content in self.objects() for line in content.splitlines())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.spool.iterdir()) if self.spool.exists() else []

    def announced(self) -> list[str]:
        queue = self.open_queue()
        deliveries = queue.receive(1000)
        queue.close()
        return sorted(item.key for delivery in deliveries for item in delivery.announcements)


def line(number: int, size: int = 0) -> bytes:
    return json.dumps({"micro_service_name": "shop", "n": number, "fill": "x" * size}).encode()


def until(condition: Callable[[], Any]) -> None:
    """Wait for what has to happen."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


class FaultyBucket(FolderBucket):
    """A folder that fails, is slow, or writes and then loses its answer: as often as it is told."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fail = 0
        self.lose_answer = 0
        self.gate: threading.Event | None = None
        self.puts = 0

    def put(self, key: str, data: bytes | BinaryIO) -> bool:
        self.puts += 1
        if self.gate is not None:
            assert self.gate.wait(PATIENCE)
        if self.fail:
            self.fail -= 1
            raise BucketError("the bucket is away", hint="Wait.")
        written = super().put(key, data)
        if self.lose_answer:
            self.lose_answer -= 1
            raise BucketError("the answer was lost", hint="Ask again.")
        return written


class FaultyDisk(Disk):
    """A disk whose named calls fail with these errors, one after another; ``None`` lets one pass."""

    def __init__(self, **faults: list[int | None]) -> None:
        self.faults = faults

    def _meet(self, call: str) -> None:
        left = self.faults.get(call)
        number = left.pop(0) if left else None
        if number is not None:
            raise OSError(number, os.strerror(number))

    def append(self, descriptor: int, data: bytes) -> None:
        left = self.faults.get("append")
        if left and left[0] == -errno.ENOSPC:  # a part fits
            left.pop(0)
            os.write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._meet("append")
        super().append(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        self._meet("truncate")
        super().truncate(descriptor, size)

    def fsync(self, descriptor: int) -> None:
        self._meet("fsync")
        super().fsync(descriptor)

    def fsync_folder(self, folder: Path) -> None:
        self._meet("fsync_folder")
        super().fsync_folder(folder)

    def rename(self, old: Path, new: Path) -> None:
        self._meet("rename")
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self._meet("unlink")
        super().unlink(path)

    def create(self, path: Path) -> int:
        self._meet("create")
        return super().create(path)


class MirrorDisk(Disk):
    """A disk that can lose its power: ``mirror`` holds what was fsynced, and nothing else.

    A file's bytes are durable once the file is fsynced, the names of a folder once the folder is. Both live in the
    mirror: ``content/<number>`` and ``names`` (a JSON object from name to number), each replaced in one step. Files are
    numbered, since a file system gives the inode of a removed file to the next one.
    """

    def __init__(self, mirror: Path) -> None:
        self.mirror = mirror
        self._lock = threading.Lock()
        self._numbers: dict[int, str] = {}
        (mirror / "content").mkdir(parents=True, exist_ok=True)

    def create(self, path: Path) -> int:
        with self._lock:
            descriptor = super().create(path)
            self._numbers[os.fstat(descriptor).st_ino] = uuid4().hex
        return descriptor

    def fsync(self, descriptor: int) -> None:
        with self._lock:
            content = self.read(descriptor)
            self._replace(self.mirror / "content" / self._numbers[os.fstat(descriptor).st_ino], content)

    def fsync_folder(self, folder: Path) -> None:
        with self._lock:
            names = {entry.name: self._numbers[entry.inode()] for entry in os.scandir(folder)}
            self._replace(self.mirror / "names", json.dumps(names).encode())

    def _replace(self, path: Path, content: bytes) -> None:
        fresh = path.with_name(f"{path.name}.{threading.get_ident()}")
        fresh.write_bytes(content)
        fresh.replace(path)

    def lose_power(self, folder: Path) -> None:
        """Make the folder what the disk would hold after a power loss."""
        shutil.rmtree(folder)
        folder.mkdir()
        names = self.mirror / "names"
        for name, number in json.loads(names.read_bytes()).items() if names.exists() else ():
            content = self.mirror / "content" / number
            (folder / name).write_bytes(content.read_bytes() if content.exists() else b"")
