"""What ``byline doctor`` looks at. Looking changes nothing."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from byline.bucket.keys import EVENTS, check_key
from byline.cli.asking import Finding
from byline.cli.stores import Stores
from byline.errors import BylineError, UsageError
from byline.processor.dead_letters import DeadLetterBox
from byline.processor.sweep import untaken
from byline.settings import path_of

_SMALL = 1 << 20
_LOOK_AT = 1_000
_COUNT_TO = 1_000
_GAPS = 20
_SHIPPED_WITHIN = timedelta(minutes=2)
_SKEW = 2.0
"""Seconds by which a file system's clock may differ from ours: some keep time stamps to two seconds."""


def examine(opened: Stores) -> Iterator[Finding]:
    """One finding for each check. Where one fails, the others still run."""
    for name, check in _CHECKS.items():
        try:
            yield from check(opened)
        except BylineError as error:
            missing = isinstance(error.__cause__, ModuleNotFoundError)
            told = f"could not look: {error}" if missing else str(error)
            yield Finding(name, told, error.hint or "Look at what it says.", unknown=missing)
        except ModuleNotFoundError as error:
            mend = "Install it: pip install 'byline[server,aws]'."
            yield Finding(name, f"could not look: the library {error.name} is missing", mend, unknown=True)


def _data_folder(opened: Stores) -> Iterator[Finding]:
    data = opened.settings.data
    if not data.exists():
        yield Finding("data folder", f"{data} is not there yet; the first command that writes makes it")
        return
    try:
        with tempfile.NamedTemporaryFile(dir=data, prefix=".doctor-") as file:
            skew = os.stat(file.name).st_mtime - time.time()  # noqa: PTH116  # its descriptor has no path that could be asked
    except OSError as error:
        mend = "Let this user write the folder, or name another one with --data or BYLINE_DATA."
        yield Finding("data folder", f"{data} cannot be written: {error.strerror or error}", mend)
        return
    yield Finding("data folder", f"{data} can be written")
    set_clock = "Set the clock of this machine, or of the file server, by NTP."
    skewed = abs(skew) > _SKEW
    yield Finding(
        "clock", f"the file system's clock differs by {abs(skew):.1f} s from ours", set_clock if skewed else None
    )


def _bucket(opened: Stores) -> Iterator[Finding]:
    infos = list(islice(opened.bucket.list(), _LOOK_AT))
    if not infos:
        yield Finding(
            "bucket", f"{opened.settings.bucket} can be listed, and is empty; whether it can be written was not tried"
        )
        return
    small = next((info for info in infos if info.size <= _SMALL and _may_be_put(info.key)), None)
    if small is None:
        yield Finding("bucket", f"{opened.settings.bucket} can be listed; whether it can be written was not tried")
        return
    with opened.bucket.open(small.key) as existing:
        content = b"".join(existing)
    # A put asks for the right to write, but writes nothing where the object is there. Its own bytes, in case a store
    # overwrites.
    opened.bucket.put(small.key, content)
    yield Finding("bucket", f"{opened.settings.bucket} can be listed, read and written")


def _may_be_put(key: str) -> bool:
    """False for what other hands laid there under a name that is none of ours."""
    try:
        check_key(key)
    except UsageError:
        return False
    return True


def _queue(opened: Stores) -> Iterator[Finding]:
    url = opened.settings.queue
    if url.startswith("sqlite:") and not path_of(url).exists():
        yield Finding("queue", f"{path_of(url)} is not there yet; the first put makes it")
        return
    depth = opened.queue.depth()
    yield Finding("queue", f"{depth.waiting} messages wait, {depth.in_flight} are in hand, {depth.dead} are dead")


def _history(opened: Stores) -> Iterator[Finding]:
    file = opened.history_file
    if file is not None and not file.exists():
        yield Finding("history", f"{file} is not there yet; `byline process` makes it")
        return
    health = opened.history.reader.health()
    yield Finding("history", f"its schema is {health.schema}, {health.objects} objects have been taken")
    yield from _untaken(opened)
    yield from _letters(opened)


def _untaken(opened: Stores) -> Iterator[Finding]:
    missing = 0
    example = ""
    for keys in untaken(opened.bucket, opened.history.writer):
        missing += len(keys)
        example = example or keys[0]
        if missing >= _COUNT_TO:
            break
    if missing:
        many = f"{missing} or more" if missing >= _COUNT_TO else str(missing)
        mend = "Run `byline process`, or see that `byline serve` runs; what it cannot take becomes a dead letter."
        yield Finding("objects", f"{many} under {EVENTS} have not been taken, such as {example}", mend)
    else:
        yield Finding("objects", "all have been taken")


def _letters(opened: Stores) -> Iterator[Finding]:
    box = DeadLetterBox(opened.bucket, opened.queue, opened.history)
    letters = sum(1 for _ in islice(box.letters(), _COUNT_TO))
    if letters:
        many = f"{letters} or more" if letters >= _COUNT_TO else str(letters)
        mend = "See `byline dead-letters`; mend the cause and replay them, or dismiss them with a reason."
        yield Finding("dead letters", f"{many} are open", mend)
    else:
        yield Finding("dead letters", "none are open")


def _spool(opened: Stores) -> Iterator[Finding]:
    """What services have recorded and not shipped yet."""
    from byline.capture.folder import look

    folder = opened.settings.spool
    try:
        found = look(folder)
    except OSError as error:
        yield Finding("spool", f"{folder} cannot be read: {error.strerror or error}", "Let this user read the folder.")
        return
    waiting = [name for name in (*found.sealed, *found.open) if datetime.now(UTC) - name.begun > _SHIPPED_WITHIN]
    if waiting:
        detail = f"{len(waiting)} segments in {folder} wait since {min(name.begun for name in waiting)} or later"
        yield Finding("spool", detail, "See why their service does not ship them; `byline ship` does it from outside.")
    else:
        yield Finding("spool", f"nothing has waited for long in {folder}")


def _streams(opened: Stores) -> Iterator[Finding]:
    """Running numbers that recording processes gave, and whose events have not come."""
    if opened.history_file is not None and not opened.history_file.exists():
        return
    gaps = opened.history.reader.stream_gaps(_GAPS)
    mend = (
        "Those events were refused (the log of the service and its stats say why), lost, or are still on their way: "
        "see the spool, the objects and the dead letters."
    )
    for gap in gaps:
        numbers = f"{gap.first}" if gap.first == gap.last else f"{gap.first} to {gap.last}"
        yield Finding("streams", f"stream {gap.stream_id}: {numbers} missing", mend)
    if not gaps:
        yield Finding("streams", "no event is missing inside of any stream")


def _s3(opened: Stores) -> Iterator[Finding]:
    if opened.settings.bucket.startswith("s3:"):
        from byline.cli.checks_s3 import s3_findings

        yield from s3_findings(opened.settings)


def _sqs(opened: Stores) -> Iterator[Finding]:
    if opened.settings.queue.startswith("sqs:"):
        from byline.cli.checks_sqs import sqs_findings

        yield from sqs_findings(opened.settings)


def _mysql(opened: Stores) -> Iterator[Finding]:
    if opened.settings.history.startswith(("mysql:", "secret:")):
        from byline.cli.checks_mysql import mysql_findings
        from byline.history.mysql import MySqlHistory

        history = opened.history
        if isinstance(history, MySqlHistory):
            yield from mysql_findings(history)


_CHECKS: dict[str, Callable[[Stores], Iterator[Finding]]] = {
    "data folder": _data_folder,
    "bucket": _bucket,
    "bucket on S3": _s3,
    "queue": _queue,
    "queue on SQS": _sqs,
    "database": _mysql,
    "history": _history,
    "spool": _spool,
    "streams": _streams,
}
