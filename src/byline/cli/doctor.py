"""``byline doctor``: is everything reachable, and set up as it should be?"""

from __future__ import annotations

import typer

from byline.cli.asking import Finding
from byline.cli.checks import examine
from byline.cli.options import DataOption, JsonOption
from byline.cli.output import write_json, write_line
from byline.cli.stores import stores
from byline.cli.text import visible


def doctor(as_json: JsonOption = False, data: DataOption = None) -> None:
    """Is everything reachable, and set up as it should be? Each problem with its mend; status 1 if there is any."""
    problems = 0
    with stores(data) as opened:
        for finding in examine(opened):
            problems += finding.mend is not None
            if as_json:
                write_json(_shape(finding))
                continue
            write_line(f"{_word(finding)}\t{finding.check}: {visible(finding.detail)}".expandtabs(10))
            if finding.mend:
                write_line(f"\t{visible(finding.mend)}".expandtabs(10))
    if problems:
        raise typer.Exit(1)


def _word(finding: Finding) -> str:
    return "UNKNOWN" if finding.unknown else "ok" if finding.mend is None else "PROBLEM"


def _shape(finding: Finding) -> dict[str, object]:
    """``ok`` is null where it could not be looked at."""
    ok = None if finding.unknown else finding.mend is None
    return {"check": finding.check, "ok": ok, "detail": finding.detail, "mend": finding.mend}
