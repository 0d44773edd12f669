"""Links to objects, which whoever has one follows without us."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from byline import amazon

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}


@pytest.mark.parametrize(
    ("bucket", "host"),
    [("events-1", "events-1.s3.eu-central-1.amazonaws.com"), ("my.events", "s3.eu-central-1.amazonaws.com")],
)
def test_a_link_names_the_host_of_the_buckets_region(bucket: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere S3 answers for a new bucket with a redirect, and the signature holds for the first host only."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    link = amazon.client("s3", KEYS).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert urlsplit(link).hostname == host
