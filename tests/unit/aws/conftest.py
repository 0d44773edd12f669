"""A function's environment: real stores in a folder, and calls as Lambda makes them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec import Struct, field

from byline.aws import stores
from byline.bucket.folder import FolderBucket
from byline.history.sqlite import SqliteHistory
from byline.queue.notification import Notifications
from byline.queue.port import Announcement


class Call(Struct):
    """What Lambda tells of a call: its context."""

    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    function_name: str = "byline-test"
    seconds: float = 300.0
    began: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.seconds - (time.monotonic() - self.began)) * 1000)


class Place(Struct):
    """A bucket and a history, and messages about the one."""

    data: Path
    bucket: FolderBucket
    history: SqliteHistory

    def put(self, key: str, data: bytes) -> str:
        assert self.bucket.put(key, data)
        return key

    def reasons(self) -> dict[str, str]:
        return {letter.key: letter.reason for letter in self.history.dead_letters.list()}

    def message(self, key: str, *, bucket: str | None = None, count: int = 1) -> dict:
        return record(Notifications().write(Announcement(bucket or self.bucket.name, key)), count=count)


def record(body: str, *, count: int = 1, age: float = 0.0) -> dict:
    """A message as Lambda hands it over (AWS Lambda developer guide, "Using Lambda with Amazon SQS")."""
    return {
        "messageId": str(uuid4()),
        "receiptHandle": f"AQEB{uuid4()}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(count),
            "SentTimestamp": str(int((time.time() - age) * 1000)),
            "SenderId": "AIDA",
            "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000)),
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:111111111111:byline",
        "awsRegion": "eu-central-1",
    }


def batch(*records: dict) -> dict:
    return {"Records": list(records)}


def failed(answer: dict) -> list[str]:
    """The ids of a partial batch response."""
    assert answer.keys() == {"batchItemFailures"}
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def figures(printed: str) -> dict:
    """The metrics that a call printed."""
    (line,) = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return line


@pytest.fixture(scope="session")
def empty_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "history.db"
    history = SqliteHistory(file)
    history.writer.migrate()
    history.close()
    return file


@pytest.fixture
def place(tmp_path: Path, empty_history: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(empty_history, data / "history.db")
    monkeypatch.setenv("BYLINE_DATA", str(data))
    stores.forget()
    history = SqliteHistory(data / "history.db")
    yield Place(data, FolderBucket(data / "bucket"), history)
    history.close()
    stores.close()
