"""What Prometheus reads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from byline.errors import Unreachable
from byline.history.port import Counts, Reader
from byline.queue.port import Queue
from byline.web.shapes import ProcessorHealth

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

log = logging.getLogger(__name__)


class Gauged(Protocol):
    """What the levels are read from."""

    @property
    def reader(self) -> Reader: ...

    @property
    def queue(self) -> Queue | None: ...

    @property
    def processor(self) -> Callable[[], ProcessorHealth]: ...

    @property
    def taken(self) -> Callable[[], Counts]: ...


class Registry:
    """Of one application."""

    media_type: Final = CONTENT_TYPE_LATEST

    def __init__(self, site: Gauged) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._times = Histogram(
            "byline_http_request_seconds",
            "Time to answer a call, until its last byte is sent.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Levels(site))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One call that was answered."""
        self._times.labels(method, route, str(status)).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Levels:
    """Read when they are asked for. What does not answer is told as ``byline_up`` 0, and its levels are left out."""

    def __init__(self, site: Gauged) -> None:
        self._site = site

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("byline_up", "Whether a part answers.", labels=("part",))
        for part, read in (("history", self._history), ("queue", self._queue)):
            try:
                found = read()
            except Unreachable as error:
                log.warning("the metrics leave out the %s: %s", part, error)
                up.add_metric((part,), 0)
            else:
                up.add_metric((part,), 1)
                yield from found
        yield up
        yield from self._processor()

    def _history(self) -> list[Metric]:
        known = self._site.reader.health()
        levels: list[Metric] = [
            GaugeMetricFamily("byline_history_objects", "Number of the newest object taken.", known.objects),
            GaugeMetricFamily("byline_dead_letters", "Open ones in the history, up to 1000.", known.dead_letters),
        ]
        if known.newest_event_at is not None:
            newest = known.newest_event_at.timestamp()
            levels.append(GaugeMetricFamily("byline_newest_event_seconds", "Time of the newest event.", newest))
        return levels

    def _queue(self) -> list[Metric]:
        if self._site.queue is None:
            return []
        depth = self._site.queue.depth()
        messages = GaugeMetricFamily("byline_queue_messages", "Announcements in the queue.", labels=("state",))
        for state in ("waiting", "in_flight", "dead"):
            messages.add_metric((state,), getattr(depth, state))
        return [messages]

    def _processor(self) -> Iterator[Metric]:
        health, taken = self._site.processor(), self._site.taken()
        running = GaugeMetricFamily("byline_processor_running", "Whether this process takes events.")
        running.add_metric((), health.state == "running")
        yield running
        yield CounterMetricFamily("byline_processor_failures", "How often it ended unexpectedly.", health.failures)
        for name in Counts.__struct_fields__:
            yield CounterMetricFamily(f"byline_taken_{name}", f"{name} that this process took.", getattr(taken, name))
