"""AWS on this machine: the emulator ministack, started privately on loopback, stopped by its process id.

It runs in a venv of its own, ``.venv-aws`` (``make setup-aws``), because it pins its libraries. A test that needs it
where it is not installed is skipped by name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-aws"
ACCOUNT = "111111111111"
"""Also the access key id: one of twelve digits is an account to the emulator."""
REGION = "eu-central-1"

PATIENCE = 60
"""Seconds until a server that does not answer is given up."""

# The emulator with a clock that a test may move: what the file says, in seconds, is added to the time of day.
_MOVED = """
import os, runpy, sys, time
told, real = sys.argv.pop(1), time.time
time.time = lambda: real() + float(open(told).read() or 0)
sys.exit(runpy.run_module("ministack", run_name="__main__"))
"""


_session = boto3.session.Session()
_clients: dict[tuple[Any, ...], Any] = {}
"""Each takes a tenth of a second to make."""


class Aws(NamedTuple):
    """An emulator that answers."""

    endpoint: str
    environ: Mapping[str, str]
    """The variables that lead to it, credentials among them."""
    log: Path
    """What it says."""
    clock: Path
    """Seconds that its clock is ahead of ours, as text; heeded where it was started with ``moved``."""

    def client(self, service: str, **more: Any) -> Any:
        """A client of boto3's for one service of it; ``more`` may name other credentials."""
        given = {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": self.environ["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environ["AWS_SECRET_ACCESS_KEY"],
            # Without an address of its own for each bucket, and without two minutes of retries.
            "config": Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        }
        made = (service, self.endpoint, *sorted(more.items()))
        if made not in _clients:
            _clients[made] = _session.client(service, **(given | more))
        return _clients[made]

    def forward(self, seconds: float) -> None:
        """Move its clock."""
        self.set_clock(float(self.clock.read_text()) + seconds)

    def set_clock(self, ahead: float) -> None:
        """Let its clock be so many seconds ahead of ours."""
        rewritten = self.clock.with_suffix(".new")
        rewritten.write_text(str(ahead))
        rewritten.replace(self.clock)


@contextmanager
def aws(
    folder: Path, *, auth: bool = True, moved: bool = False, environ: Mapping[str, str] | None = None
) -> Generator[Aws]:
    """An emulator that keeps everything in memory and in ``folder``.

    ``auth``: it checks signatures, IAM and the policies of queues and buckets. ``moved``: its clock can be moved.
    ``environ`` is added to what it is started with."""
    program = VENV / "bin/ministack"
    if not program.exists():
        pytest.skip("needs the emulator of AWS: make setup-aws")
    port = free_port()
    clock = folder / "clock"
    clock.write_text("0")
    server = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "true" if auth else "false",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "TMPDIR": str(folder),
        **(environ or {}),
    }
    client = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    command = [str(VENV / "bin/python"), "-c", _MOVED, str(clock)] if moved else [str(program)]
    log = folder / "server.log"
    with running(command, port, log, server):
        yield Aws(client["AWS_ENDPOINT_URL"], client, log, clock)


class Queues(NamedTuple):
    """URLs of a queue and of its dead-letter queue."""

    queue: str
    dead: str


def sqs_queues(sqs: Any, name: str, *, visibility: int = 60, max_receives: int = 5) -> Queues:
    """Make a queue with a dead-letter queue."""
    dead = sqs.create_queue(QueueName=f"{name}-dead", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
    redrive = {"deadLetterTargetArn": queue_arn(sqs, dead), "maxReceiveCount": max_receives}
    queue = sqs.create_queue(
        QueueName=name, Attributes={"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)}
    )["QueueUrl"]
    return Queues(queue, dead)


def queue_arn(sqs: Any, url: str) -> str:
    """What a policy calls a queue."""
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


@contextmanager
def running(command: Sequence[str], port: int, log: Path, environ: Mapping[str, str]) -> Generator[None]:
    """A server that answers on this port of loopback, for as long as it takes."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environ}, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent
        )
        try:
            _wait_for(port, process, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Below 32768, where no outgoing connection can sit on it by chance."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"the emulator does not answer: {log.read_text(errors='replace')[-2000:]}")
