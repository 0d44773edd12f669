"""What the bucket in the cloud does where no cloud answers; the rest is in tests/contract/test_bucket.py."""

from __future__ import annotations

import multiprocessing
import socket

import pytest

from byline.bucket.cloud import CloudBucket
from byline.bucket.stores import place_of
from byline.errors import BucketError, ObjectMissing, UsageError

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "eu-central-1"}


@pytest.fixture
def nobody() -> str:
    """An endpoint where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", ("s3", "bucket", "")),
        ("s3://bucket/", ("s3", "bucket", "")),
        ("gs://bucket/a/b", ("gs", "bucket", "a/b")),
        ("az://container/a/", ("az", "container", "a")),
    ],
)
def test_a_url_names_bucket_and_prefix(url, place):
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("s3://bucket/prefix", CREDENTIALS),
        ("gs://bucket/prefix", {"GOOGLE_BEARER_TOKEN": "token"}),
        ("az://bucket/prefix", {"AZURE_STORAGE_ACCOUNT_NAME": "name", "AZURE_STORAGE_TOKEN": "token"}),
    ],
)
def test_a_bucket_is_named_without_its_prefix_and_nothing_is_asked_of_it_yet(url, environ):
    assert CloudBucket(url, environ).name == "bucket"


def test_an_account_of_azure_that_is_not_named_is_told():
    with pytest.raises(UsageError) as caught:
        CloudBucket("az://container", {})
    assert "AZURE_STORAGE_ACCOUNT_NAME" in caught.value.hint


def test_an_endpoint_where_nobody_listens_is_told_in_one_line(nobody):
    bucket = CloudBucket("s3://bucket", {**CREDENTIALS, "AWS_ENDPOINT_URL": nobody})
    for call in (lambda: bucket.put("a", b"x"), lambda: bucket.open("a").__enter__(), lambda: list(bucket.list())):
        with pytest.raises(BucketError) as caught:
            call()
        assert not isinstance(caught.value, ObjectMissing)
        assert "AWS_ENDPOINT_URL" in caught.value.hint
        assert "\n" not in str(caught.value)


def _put(bucket: CloudBucket, answer: multiprocessing.SimpleQueue[str]) -> None:
    try:
        bucket.put("a", b"x")
    except BucketError as error:
        answer.put(str(error))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_is_told_instead_of_waiting_for_ever(nobody):
    bucket = CloudBucket("s3://bucket", {**CREDENTIALS, "AWS_ENDPOINT_URL": nobody})
    with pytest.raises(BucketError):
        bucket.put("a", b"x")
    fork = multiprocessing.get_context("fork")
    answer = fork.SimpleQueue()
    child = fork.Process(target=_put, args=(bucket, answer))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert "forked" in answer.get()


def test_a_profile_that_does_not_exist_is_told(monkeypatch, tmp_path):
    pytest.importorskip("boto3", reason="needs boto3: pip install boto3")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="AWS_PROFILE") as caught:
        CloudBucket("s3://bucket", {"AWS_PROFILE": "nobody"})
    assert caught.value.hint
