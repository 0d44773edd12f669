"""How the answers fare, what this process has taken, and how much waits: counted for Prometheus, whose library is
loaded with the first answer. It takes a tenth of a second, and a function that has just been started has better to
do."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byline.web.prometheus import Gauged, Registry


class Metrics:
    """Of one application, so that two in one process do not meet."""

    def __init__(self, site: Gauged) -> None:
        self._site = site

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One call that was answered."""
        self._registry.observe(method, route, status, seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return self._registry.text()

    @property
    def media_type(self) -> str:
        """Of that format."""
        return self._registry.media_type

    @cached_property
    def _registry(self) -> Registry:
        from byline.web.prometheus import Registry  # noqa: PLC0415

        return Registry(self._site)
