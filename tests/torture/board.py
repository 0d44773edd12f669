"""What a process that will be killed leaves behind: notes in shared memory.

A note is a JSON list: its kind, the moment (the monotonic clock, which all processes share), and what else there is
to say. Memory that is mapped from a file survives SIGKILL, and writing to it is no system call: the notes neither add
crash points nor meet injected faults.
"""

from __future__ import annotations

import mmap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

SIZE = 1 << 26
"""Of the file, which is sparse."""
_HEAD = 4


class Board:
    """Safe from several threads of one process."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self._lock = threading.Lock()
        self._at = 0

    def note(self, kind: str, *said: Any) -> None:
        with self._lock:
            data = msgspec.json.encode((kind, time.monotonic(), *said))
            begin, end = self._at + _HEAD, self._at + _HEAD + len(data)
            self._map[begin:end] = data
            self._map[self._at : begin] = len(data).to_bytes(_HEAD, "little")  # last: now the note counts
            self._at = end


def new_board(path: Path) -> Path:
    with path.open("xb") as file:
        file.truncate(SIZE)
    return path


def read_board(path: Path) -> Iterator[list[Any]]:
    with path.open("rb") as file:
        while size := int.from_bytes(file.read(_HEAD), "little"):
            yield msgspec.json.decode(file.read(size))
