"""Object → events → changes → history; dead letters; replay."""

from __future__ import annotations

from byline.processor.processor import Processor

__all__ = ["Processor"]
