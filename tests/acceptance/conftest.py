"""The real ``byline`` executable, in a data folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

BYLINE = str(Path(sys.executable).with_name("byline"))


class Answer(Struct):
    """What a command wrote, and its exit status."""

    status: int
    out: bytes
    errors: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Byline(Struct):
    """Runs commands."""

    data: Path
    folder: Path

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", status: int | None = 0, **environ: str) -> Answer:
        done = subprocess.run(
            [BYLINE, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, "BYLINE_DATA": str(self.data), **environ},
            timeout=120,
            check=False,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr.decode())
        assert "Traceback" not in answer.errors, answer.errors
        assert status in {None, answer.status}, answer
        return answer

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [BYLINE, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env={**os.environ, "BYLINE_DATA": str(self.data)},
        )

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def byline(tmp_path: Path) -> Byline:
    return Byline(tmp_path / "data", tmp_path)
