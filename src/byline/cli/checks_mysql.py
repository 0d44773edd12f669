"""What ``byline doctor`` looks at where the history is in MySQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from byline.cli.asking import Finding
from byline.history.mysql import MySqlHistory

_HERE = ("localhost", "127.", "::1")


def mysql_findings(history: MySqlHistory, *, now: datetime | None = None) -> Iterator[Finding]:
    """Of the way to the server, and of the months to come."""
    setup = history.setup()
    yield Finding("database", f"{history.name} answers: {setup.version}")
    if setup.cipher:
        yield Finding("database encryption", f"the way to it is encrypted by {setup.cipher}")
    elif history.host.startswith(_HERE):
        yield Finding("database encryption", "the way to it is not encrypted, and does not leave this machine")
    else:
        mend = "Add ?tls=verify to BYLINE_HISTORY, and &ca=/file where the authority is none of the system's."
        yield Finding("database encryption", "values and the password go over the network in clear", mend)
    next_month = (now or datetime.now(UTC)).replace(day=28) + timedelta(days=4)
    newest = f"partitions are made up to {setup.newest_month or 'none at all'}"
    behind = setup.newest_month < f"{next_month:%Y%m}"
    mend = "Run `byline migrate`, and see that what does it once a day runs: old months are dropped by partition."
    yield Finding("database partitions", newest, mend if behind else None)
