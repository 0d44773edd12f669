"""Why the spool does not take an event, and what to do."""

from __future__ import annotations

import errno
from typing import Final

from byline.errors import SinkError

_HINTS: Final = {
    errno.ENOSPC: "Free some space.",
    errno.EDQUOT: "Free some space, or raise the quota.",
    errno.EIO: "The disk failed: look at the system's log.",
    errno.EROFS: "Set BYLINE_SPOOL to a folder that can be written.",
    errno.EACCES: "Let this user write the folder, or set BYLINE_SPOOL to another one.",
    errno.EMFILE: "Raise the limit of open files (ulimit -n).",
}


def failed(what: str, error: OSError) -> SinkError:
    """The system's error as ours, with what to do."""
    hint = _HINTS.get(error.errno or 0, "Look at the spool folder and at the system's log.")
    return SinkError(f"cannot {what}: {error.strerror or error}", hint=hint)


def full(max_bytes: int) -> SinkError:
    """There is no room for it."""
    hint = "See why nothing is shipped (the bucket's address, the network), or raise BYLINE_SPOOL_MAX_BYTES."
    return SinkError(f"the spool is full: {max_bytes} bytes wait to be shipped", hint=hint)


def closed() -> SinkError:
    """It came too late."""
    return SinkError("the spool is closed", hint="Record before close().")
