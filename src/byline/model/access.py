"""What Byline records of its own readers: a ``create`` of a row in this table, with who asked for what."""

from __future__ import annotations

from typing import Final

TABLE: Final = "byline_access"
"""It shows only where it is asked for by this name: else a page of changes would tell of its readers, too."""

SERVICE: Final = "byline"
"""The service that records it."""
