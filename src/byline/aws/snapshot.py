"""SnapStart: what is to be done around a snapshot, where Lambda's runtime has hooks for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module


def around(*, before: Callable[[], None], after: Callable[[], None]) -> None:
    """Do the one before a snapshot is taken, and the other in every environment that wakes from it (AWS Lambda
    developer guide, "Lambda SnapStart runtime hooks for Python"). Nothing, where there is no such runtime."""
    try:
        hooks = import_module("snapshot_restore_py")
    except ImportError:
        return
    hooks.register_before_snapshot(before)
    hooks.register_after_restore(after)
