"""Buckets that are not well: the real folder, and a fault in front of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from byline.bucket.folder import FolderBucket
from byline.errors import BucketError

Put = Callable[[str, bytes | BinaryIO], bool]


class Ill(FolderBucket):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts = 0

    def put(self, key: str, data: bytes | BinaryIO) -> bool:
        self.puts += 1
        return self.answer(key, data, super().put)

    def answer(self, key: str, data: bytes | BinaryIO, put: Put) -> bool:
        raise NotImplementedError


class Failing(Ill):
    """Fails two times out of three."""

    def answer(self, key: str, data: bytes | BinaryIO, put: Put) -> bool:
        if self.puts % 3:
            raise BucketError("the bucket is away", hint="Wait.")
        return put(key, data)


class Away(Ill):
    def answer(self, key: str, data: bytes | BinaryIO, put: Put) -> bool:
        raise BucketError("the bucket is away", hint="Wait.")


class Slow(Ill):
    def answer(self, key: str, data: bytes | BinaryIO, put: Put) -> bool:
        time.sleep(0.03)
        written = put(key, data)
        time.sleep(0.03)
        return written


class Twice(Ill):
    """Takes each object twice over, and loses every second answer."""

    def answer(self, key: str, data: bytes | BinaryIO, put: Put) -> bool:
        put(key, data)
        if self.puts % 2:
            raise BucketError("the answer was lost", hint="Ask again.")
        return put(key, data)


BUCKETS: dict[str, Callable[[Path], FolderBucket]] = {
    "well": FolderBucket,
    "failing": Failing,
    "slow": Slow,
    "twice": Twice,
    "away": Away,
}
