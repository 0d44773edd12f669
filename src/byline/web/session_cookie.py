"""The cookie of a session, by name."""

from __future__ import annotations

from typing import Final

COOKIE: Final = "__Host-byline"
"""The prefix makes the browser insist on Secure, on Path=/, and on no Domain (RFC 6265bis §4.1.3.2)."""
