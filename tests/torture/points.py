"""Where a process can be killed: before the Nth of each system call that changes what others see."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

CALLS: Final = (
    "write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "mkdir", "mkdirat", "rename", "renameat",
    "renameat2", "linkat", "unlink", "unlinkat", "sendto", "sendmsg",
)  # fmt: skip
"""Not ``link``: only the file layer of the torture itself calls that."""
# Never with --seccomp-bpf: strace 6.1 then injects nothing but what has ``when=1``.
_STRACE: Final = ("strace", "-f", "-e", "signal=none")


class Point(Struct, frozen=True, order=True):
    """strace counts for each thread by itself: the first one that comes to its Nth call is killed before it, and all
    others with it."""

    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.call}:{self.number}"


def killing(point: Point) -> list[str]:
    """strace, which wants the command, or the process, that is killed there."""
    return injecting(f"{point.call}:signal=SIGKILL:when={point.number}")


def injecting(fault: str) -> list[str]:
    call = fault.partition(":")[0]
    return [*_STRACE, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}"]


def tracing(log: Path) -> list[str]:
    return [*_STRACE, "-o", str(log), "-e", f"trace={','.join(CALLS)}"]


def points_in(log: Path) -> list[Point]:
    """All of them, as a run that nobody disturbed met them."""
    calls: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        thread, _, said = line.partition(" ")
        call = said.strip().partition("(")[0]
        if call in CALLS:
            calls[thread, call] += 1
    most: dict[str, int] = defaultdict(int)
    for (_, call), count in calls.items():
        most[call] = max(most[call], count)
    return [Point(call, number) for call in CALLS for number in range(1, most[call] + 1)]


def sample(points: Iterable[Point], count: int, chance: random.Random) -> list[Point]:
    """So many of them, as many of each call as of any other: what is rare is where the road turns."""
    of_call: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        of_call[point.call].append(point)
    lanes = [chance.sample(lane, len(lane)) for lane in of_call.values()]
    return _dealt(lanes)[:count]


def _dealt(lanes: Sequence[list[Point]]) -> list[Point]:
    """One from each lane, again and again."""
    longest = max(map(len, lanes), default=0)
    return [lane[turn] for turn in range(longest) for lane in lanes if turn < len(lane)]
