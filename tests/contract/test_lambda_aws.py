"""What the Lambda handlers do with AWS itself: large answers in the bucket, and messages that are to come back."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from byline.aws import admin, application, stores
from byline.aws.gateway import Gateway
from byline.aws.processor import handler
from byline.history.sqlite import SqliteHistory
from tests.acceptance.samples import event, line, lines
from tests.emulator import REGION, Aws, sqs_queues
from tests.emulator import aws as start_aws
from tests.unit.aws.conftest import Call, batch, failed, record
from tests.unit.aws.test_query import request

EVENTS = "events/micro_service_name=catalogue/date=2024-02-03/hour=04"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with start_aws(tmp_path_factory.mktemp("aws"), moved=True) as aws:
        yield aws


@pytest.fixture
def bucket(aws, tmp_path, monkeypatch) -> Iterator[str]:
    """The name of the bucket in a function's environment, whose history is a file."""
    aws.set_clock(0)
    name = f"audit-{uuid4()}"
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    history = SqliteHistory(tmp_path / "history.db")
    history.writer.migrate()
    history.close()
    for variable, value in {**aws.environ, "BYLINE_DATA": str(tmp_path), "BYLINE_BUCKET": f"s3://{name}"}.items():
        monkeypatch.setenv(variable, value)
    stores.forget()
    yield name
    stores.close()


def take(aws: Aws, bucket: str, key: str, data: bytes) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    assert failed(handler(batch(announced(bucket, key)), Call())) == []


def announced(bucket: str, key: str, *, count: int = 1) -> dict:
    body = {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    return record(json.dumps(body), count=count)


def follow(link: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(link) as answer:
        return answer.read(), answer.headers["Content-Type"]


@pytest.fixture
def ask(bucket):
    with closing(Gateway(application.make())) as gateway:
        yield lambda *args, **more: gateway(request(*args, **more), Call())


def test_an_event_that_is_too_large_for_lambda_is_read_by_a_link_that_ends_soon(aws, bucket, ask):
    id = "01980c5e-6a0b-7c55-9d5e-0a1f6f2b9a11"
    large = json.dumps(event(1, event_id=id, new_data={"text": "ä" * 3_000_000}), ensure_ascii=False).encode()
    take(aws, bucket, f"{EVENTS}/large.json", large)
    answer = ask(f"/v1/events/{id}/raw")
    assert (answer["statusCode"], answer["body"]) == (303, "")
    link = answer["headers"]["location"]
    content, kind = follow(link)
    assert (content == large, kind) == (True, "application/json")
    assert urlsplit(link).path.startswith(f"/{bucket}/answers/")
    assert 0 < int(link.partition("X-Amz-Expires=")[2].partition("&")[0] or 300) <= 300


def test_an_export_is_laid_into_the_bucket_whole(aws, bucket, ask):
    take(aws, bucket, f"{EVENTS}/1.json", line(1))
    answer = ask("/v1/export", query="format=csv")
    assert answer["statusCode"] == 303, answer["body"]
    content, kind = follow(answer["headers"]["location"])
    assert kind.startswith("text/csv")
    assert len(content.splitlines()) == 3  # a head, and two changes


def test_what_a_command_says_at_length_is_told_by_a_link(aws, bucket, monkeypatch):
    monkeypatch.setattr(admin, "_LONGEST_SAID", 100)
    take(aws, bucket, f"{EVENTS}/1.ndjson", lines(range(200)))
    answer = admin.handler({"command": ["export", "--format", "ndjson"]}, Call())
    assert (answer["status"], len(answer["errors"]) <= 100) == (0, True)
    content, kind = follow(answer["out_url"])
    assert kind.startswith("text/plain")
    assert len(content.splitlines()) == 400
    assert content.startswith(answer["out"].encode())


def test_what_failed_comes_back_sooner_than_the_queue_would_have_it_and_later_each_time(
    aws, bucket, tmp_path, monkeypatch
):
    sqs = aws.client("sqs")
    url = sqs_queues(sqs, str(uuid4()), visibility=3600).queue
    monkeypatch.setenv("BYLINE_QUEUE", f"sqs:{url}")
    stores.forget()
    sqs.send_message(QueueUrl=url, MessageBody=announced(bucket, f"{EVENTS}/not-there.json")["body"])
    pauses = []
    for count in (1, 2):
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        told = record(message["Body"], count=count) | {"receiptHandle": message["ReceiptHandle"]}
        assert len(failed(handler(batch(told), Call()))) == 1
        waited = 0
        while "Messages" not in sqs.receive_message(QueueUrl=url, VisibilityTimeout=0):
            aws.forward(1)
            waited += 1
        pauses.append(waited)
    assert pauses == pytest.approx([2, 8], abs=1)


def test_an_outage_does_not_use_up_the_tries(aws, bucket, tmp_path, monkeypatch):
    sqs = aws.client("sqs")
    url = sqs_queues(sqs, str(uuid4()), visibility=3600).queue
    monkeypatch.setenv("BYLINE_QUEUE", f"sqs:{url}")
    stores.forget()
    key = f"{EVENTS}/1.json"
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=line(1))
    sqs.send_message(QueueUrl=url, MessageBody=announced(bucket, key)["body"])
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    told = record(message["Body"], count=3) | {"receiptHandle": message["ReceiptHandle"]}
    shutil.move(tmp_path / "history.db", tmp_path / "away.db")
    (tmp_path / "history.db").mkdir()
    with pytest.raises(Exception, match="history"):
        handler(batch(told), Call())
    aws.forward(450)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    aws.forward(60)
    assert "Messages" in sqs.receive_message(QueueUrl=url)
