"""A disk without room: nothing is lost, nothing is given up, and it is said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.acceptance.running import BYLINE, environment
from tests.acceptance.samples import event

ROOM = 200
"""Blocks of 1,024 bytes that a file may have, in place of a small disk: the history needs more."""


def byline(*arguments: str, data: Path, room: int | None = None) -> subprocess.CompletedProcess[str]:
    command = f"ulimit -f {room}; " if room else ""
    script = f'{command}trap "" XFSZ; exec "$@"'
    return subprocess.run(
        ["bash", "-c", script, "bash", BYLINE, *arguments, "--data", str(data)],
        env={name: value for name, value in environment().items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_full_disk_is_an_outage_and_no_objects_fault(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in range(4):
        lines = (json.dumps(event(number * 500 + n, new_data={"text": "x" * 200, "n": n})) for n in range(500))
        file = tmp_path / f"{number}.ndjson"
        file.write_text("\n".join(lines))
        assert byline("put", str(file), data=data).returncode == 0
    for _ in range(3):
        full = byline("process", data=data, room=ROOM)
        assert full.returncode == 3, full.stderr
        assert full.stderr.count("\n") == 1, "an error is one line that says what to do"
    assert byline("dead-letters", "list", data=data).stdout.strip() in {"", "No dead letters."}
    done = byline("process", "--json", data=data)
    assert done.returncode == 0
    assert json.loads(done.stdout)["events"] == 2_000
