"""What one call costs, without a database: ``record`` in a loop, and a request on an event loop.

On the event loop only the CPU time of our own code counts: what a busy machine adds to it would fall on any code. From
the whole request, with the middleware and one event, the same request without both is taken off.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from byline.capture.asgi import AuditMiddleware
from byline.capture.context import bind
from byline.capture.recorder import Recorder
from byline.model.event import User
from byline.settings import Settings

App = Callable[[Any, Any, Any], Awaitable[None]]
CALLS, QUICK_CALLS = 20_000, 2_000
WARM_UP = 200

ROW: dict[str, Any] = {
    "id": 1,
    "title": "Redmi note",
    "sku_id": "sku_1",
    "description": "6gb Ram " * 20,
    "category": "phones",
    "currency": "EUR",
    "inventory": 1,
    "weight": 0.2,
    "active": True,
}
USER = User(account_id="eb257dff", user_id="206483f8", email="pavan@eunimart.com", user_name="Pavan Kumar")
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "PUT",
    "path": "/products/1",
    "client": ("10.0.0.1", 40000),
    "headers": [
        (b"host", b"products.example"),
        (b"user-agent", b"Mozilla/5.0 (Windows NT 10.0; Win64; x64)"),
        (b"x-forwarded-for", b"203.109.108.86, 10.0.0.2"),
        (b"x-request-id", b"a20e389c-134b-40e7-9827-1c94eb895412"),
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ],
}


def run(report: Report, *, quick: bool) -> None:
    """``record`` for each durability, then the event loop."""
    calls = QUICK_CALLS if quick else CALLS
    for durability in ("group", "fsync", "memory"):
        with _recorder(durability) as recorder, bind("request-1", USER, ip_address="203.109.108.86"):
            # An fsync is a matter of milliseconds on some disks.
            count = calls // 20 if durability == "fsync" else calls
            took = [_timed(recorder, number) for number in range(WARM_UP + count)][WARM_UP:]
            _line(report, "record, warm", durability, sorted(took), 0)
    with _recorder("group") as recorder:
        bare, ours = asyncio.run(_requests(recorder, calls))
        _line(report, "event loop", "middleware and one event", ours, bare[len(bare) // 2])


def _line(report: Report, case: str, variant: str, took: list[int], less: int) -> None:
    """``took`` in nanoseconds, sorted; ``less`` is not ours."""
    p50, p99 = ((took[len(took) * percent // 100] - less) / 1000 for percent in (50, 99))
    report.line(case, variant, p50_us=round(p50, 1), p99_us=round(p99, 1), calls=len(took))


def _timed(recorder: Recorder, number: int) -> int:
    new = {**ROW, "inventory": number}
    began = time.perf_counter_ns()
    recorder.record("update", "products", 1, old=ROW, new=new)
    return time.perf_counter_ns() - began


@contextmanager
def _recorder(durability: str) -> Iterator[Recorder]:
    with tempfile.TemporaryDirectory(prefix="byline-") as folder:
        environ = {"BYLINE_SERVICE": "product_management", "BYLINE_DURABILITY": durability}
        recorder = Recorder(settings=Settings.load(Path(folder), environ))
        yield recorder
        recorder.close(30)


async def _requests(recorder: Recorder, count: int) -> tuple[list[int], list[int]]:
    """CPU nanoseconds of this thread for each request, sorted: of the bare application, and of ours. They take
    turns."""

    async def bare(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"done"})

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        recorder.record("update", "products", 1, old=ROW, new={**ROW, "inventory": 2})
        await bare(scope, receive, send)

    audited: App = AuditMiddleware(recording, recorder, trusted_proxies=["10.0.0.0/8"], actor=lambda _scope: USER)
    took: tuple[list[int], list[int]] = ([], [])
    for number in range(WARM_UP + count):
        for app, found in ((bare, took[0]), (audited, took[1])):
            cost = await _cpu(app)
            if number >= WARM_UP:
                found.append(cost)
        await asyncio.sleep(0)
    return sorted(took[0]), sorted(took[1])


async def _cpu(app: App) -> int:
    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return None

    scope = {**SCOPE, "state": {}}
    began = time.thread_time_ns()
    await app(scope, receive, send)
    return time.thread_time_ns() - began
