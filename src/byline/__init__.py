"""Byline: who changed what, when, and in which request."""

from byline._version import __version__

__all__ = ["__version__"]
