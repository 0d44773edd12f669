"""Where a process can be killed: before the Nth of each system call that changes what others see."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

CALLS: Final = (
    "write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "mkdir", "mkdirat", "rename", "renameat",
    "renameat2", "linkat", "unlink", "unlinkat", "sendto", "sendmsg",
)  # fmt: skip
"""Not ``link``: only the file layer of the torture itself calls that."""
# Never with --seccomp-bpf: strace 6.1 then injects nothing but what has ``when=1``.
_STRACE: Final = ("strace", "-e", "signal=none")


class Point(Struct, frozen=True, order=True):
    """Before the Nth such call of a thread. strace counts for each thread by itself; without a name it is whichever
    thread comes to so many first."""

    call: str
    number: int
    thread: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.thread, f"{self.call}:{self.number}")))


class Under(Struct, frozen=True):
    """strace, which wants the command, or the process, that it watches; or nothing."""

    command: tuple[str, ...] = ()
    thread: str = ""
    """The only one that it watches, by name."""


def killing(point: Point) -> Under:
    return injecting(f"{point.call}:signal=SIGKILL:when={point.number}", point.thread)


def injecting(fault: str, thread: str = "") -> Under:
    """Into all threads, or one."""
    call = fault.partition(":")[0]
    others = [] if thread else ["-f"]
    return Under((*_STRACE, *others, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}"), thread)


def tracing(log: Path) -> Under:
    return Under((*_STRACE, "-f", "-o", str(log), "-e", f"trace={','.join(CALLS)}"))


def points_in(log: Path, names: Mapping[int, str]) -> list[Point]:
    """All of them, as a run that nobody disturbed met them: those of the threads that have names, or else of any."""
    calls: Counter[tuple[int, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        who, _, said = line.partition(" ")
        call = said.strip().partition("(")[0]
        if call in CALLS:
            calls[int(who), call] += 1
    most: dict[tuple[str, str], int] = defaultdict(int)
    for (thread, call), count in calls.items():
        if not names or thread in names:
            lane = names.get(thread, ""), call
            most[lane] = max(most[lane], count)
    return [Point(call, number, name) for (name, call), last in most.items() for number in range(1, last + 1)]


def sample(points: Iterable[Point], count: int, chance: random.Random) -> list[Point]:
    """So many of them, as many of each call of each thread as of any other: what is rare is where the road turns.
    Workers are all the same."""
    lanes: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in points:
        lanes[point.thread.rstrip("0123456789"), point.call].append(point)
    shuffled = [chance.sample(lane, len(lane)) for lane in chance.sample(list(lanes.values()), len(lanes))]
    return _dealt(shuffled)[:count]


def _dealt(lanes: Sequence[list[Point]]) -> list[Point]:
    """One from each lane, again and again."""
    longest = max(map(len, lanes), default=0)
    return [lane[turn] for turn in range(longest) for lane in lanes if turn < len(lane)]
