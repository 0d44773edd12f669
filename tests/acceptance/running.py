"""The real executable, started and stopped as people do it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

BYLINE = str(Path(sys.executable).with_name("byline"))

PATIENCE = 60.0
"""Seconds after which something that has to happen is said never to happen. The machine may be busy."""


def environment(**settings: str) -> dict[str, str]:
    """This process's, without any setting of Byline's own but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BYLINE_")}
    return kept | settings


def run(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [BYLINE, *arguments], cwd=cwd, env=environment(**settings), capture_output=True, text=True, check=False
    )


class Server:
    """A running ``byline serve`` or ``byline demo``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.printed = ""
        self.address = self._read_address()
        self.client = httpx.Client(base_url=self.address, trust_env=False, timeout=PATIENCE)

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Send this signal; its exit status and what it wrote to standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors

    def wait_for(self, path: str, rows: int) -> list[dict[str, Any]]:
        """Ask until there are this many rows."""
        until = time.monotonic() + PATIENCE
        found: list[dict[str, Any]] = []
        while time.monotonic() < until:
            found = self.client.get(path).json()["data"]
            if len(found) >= rows:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{path} has {len(found)} rows after {PATIENCE} s, not {rows}")

    def _read_address(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line
            if found := re.search(r"http://\S+?:[0-9]+", line):
                return found.group()
        raise AssertionError(f"it ended: {self.printed}{self.process.stderr.read() if self.process.stderr else ''}")


@contextmanager
def serving(*arguments: str, cwd: Path, **settings: str) -> Iterator[Server]:
    """A server on a free port, until the end of the block."""
    process = subprocess.Popen(
        [BYLINE, *arguments, "--port", "0"],
        cwd=cwd,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            server = Server(process)
            with server.client:
                yield server
        finally:
            process.kill()


def write_events(path: Path, events: Sequence[dict[str, Any]]) -> Path:
    """An ``.ndjson`` file of these events."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path
