"""Children under strace. They are forked from a server that has imported everything once (a service that forks after
its imports is what the recorder must stand anyway), and are traced from the moment their work begins."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final

from tests.torture import lean, shipping
from tests.torture.points import Under
from tests.torture.setup import Plan, threads_of

PATIENCE: Final = 120.0
PROGRAMS: Final[dict[str, Callable[[Plan], Callable[[], None]]]] = {"lean": lean.prepare, "shipping": shipping.prepare}

_PR_SET_PTRACER: Final = 0x59616D61
_ANY: Final = ctypes.c_ulong(-1)

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload([__name__])


def run_child(program: str, plan: Plan, under: Under = Under(), *, after: float | None = None) -> bool:  # noqa: B008
    """Run it to its end; whether SIGKILL was that. ``after``: kill it after so many seconds."""
    ours, theirs = _forking.Pipe()
    child = _forking.Process(target=_run, args=(program, plan, theirs), daemon=True)
    child.start()
    try:
        assert child.pid is not None
        assert ours.poll(PATIENCE), "the child never came up"
        watched = threads_of(plan)[under.thread] if under.thread else child.pid
        with _attached(under.command, watched):
            ours.send("go")
            if after is not None:
                child.join(after)
                child.kill()
            child.join(PATIENCE)
            assert child.exitcode is not None, f"{program} hangs: {_said(plan)}"
    finally:
        child.kill()
        child.join()
        ours.close()
        theirs.close()
    if child.exitcode not in {0, -signal.SIGKILL}:
        raise AssertionError(f"{program} failed: {_said(plan)}")
    return child.exitcode != 0


@contextmanager
def _attached(strace: Sequence[str], pid: int) -> Iterator[None]:
    if not strace:
        yield
        return
    with subprocess.Popen([*strace, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as tracing:
        assert tracing.stderr is not None
        first = tracing.stderr.readline()
        assert "attached" in first, first
        yield
        tracing.communicate(timeout=PATIENCE)


def _run(program: str, plan: Plan, gate: Connection) -> None:
    said = os.open(plan.folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    # Where only descendants may be traced, strace, which is none of our parents, needs leave.
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)
    work = PROGRAMS[program](plan)
    gate.send("ready")
    gate.recv()
    work()


def _said(plan: Plan) -> str:
    return (plan.folder / "said").read_text()[-2000:]
