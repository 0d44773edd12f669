"""What ``byline doctor`` looks at where the bucket is on S3, and what it announces to a queue of SQS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from byline.bucket.keys import EVENTS
from byline.cli.asking import Asker, CouldNotLook, Finding, looked
from byline.cli.checks_sqs import queue_arn
from byline.settings import Settings

SKEW = 5.0
"""Seconds by which this machine's clock may differ from AWS's: its Date header tells whole ones."""

_ANY = "s3:ObjectCreated:*"
_EACH = {f"s3:ObjectCreated:{how}" for how in ("Put", "Post", "Copy", "CompleteMultipartUpload")}
_FOUR = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def s3_findings(settings: Settings) -> Iterator[Finding]:
    """Of the bucket itself, the clock, and the way to the queue."""
    bucket = _Bucket(settings)
    yield from looked("bucket versioning", bucket.versioning)
    yield from looked("bucket access", bucket.access)
    yield from looked("bucket encryption", bucket.encryption)
    yield from looked("clock", bucket.clock)
    if settings.queue.startswith("sqs:"):
        yield from looked("notification", bucket.notification)


class _Bucket:
    def __init__(self, settings: Settings) -> None:
        self._s3 = Asker("s3", settings.environ)
        self._settings = settings
        self._name, _, prefix = settings.bucket.removeprefix("s3://").partition("/")
        self._events = f"{prefix.strip('/')}/{EVENTS}" if prefix.strip("/") else EVENTS

    def versioning(self) -> Iterator[Finding]:
        answer = self._s3.ask("get_bucket_versioning", Bucket=self._name) or {}
        if answer.get("Status") == "Enabled":
            yield Finding("bucket versioning", "every object that is overwritten or deleted is kept")
        else:
            yield Finding(
                "bucket versioning",
                "it is off: whoever may write or delete there can change what was recorded",
                f"aws s3api put-bucket-versioning --bucket {self._name} --versioning-configuration Status=Enabled",
            )

    def access(self) -> Iterator[Finding]:
        absent = ("NoSuchPublicAccessBlockConfiguration",)
        answer = self._s3.ask("get_public_access_block", absent=absent, Bucket=self._name) or {}
        blocked = answer.get("PublicAccessBlockConfiguration", {})
        open_to = [name for name in _FOUR if not blocked.get(name)]
        if not open_to:
            yield Finding("bucket access", "the public is kept out, whatever else is set")
            return
        wanted = ",".join(f"{name}=true" for name in _FOUR)
        yield Finding(
            "bucket access",
            f"nothing keeps the public out: {', '.join(open_to)} off",
            f"aws s3api put-public-access-block --bucket {self._name} --public-access-block-configuration {wanted}",
        )

    def encryption(self) -> Iterator[Finding]:
        absent = ("ServerSideEncryptionConfigurationNotFoundError",)
        answer = self._s3.ask("get_bucket_encryption", absent=absent, Bucket=self._name)
        rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        kinds = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules]
        if any(kinds):
            yield Finding("bucket encryption", f"objects are encrypted by {', '.join(filter(None, kinds))}")
            return
        rule = '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}'
        yield Finding(
            "bucket encryption",
            "objects are not encrypted by default",
            f"aws s3api put-bucket-encryption --bucket {self._name} --server-side-encryption-configuration '{rule}'",
        )

    def clock(self) -> Iterator[Finding]:
        answer = self._s3.ask("head_bucket", Bucket=self._name) or {}
        told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if not told:
            raise CouldNotLook("the answer has no Date header", "Compare this machine's clock with another's.")
        skew = time.time() - parsedate_to_datetime(told).timestamp()
        mend = "Set the clock of this machine by NTP: AWS refuses calls from one that is 15 minutes off."
        detail = f"this machine's clock differs by {abs(skew):.0f} s from the bucket's"
        yield Finding("clock", detail, mend if abs(skew) > SKEW else None)

    def notification(self) -> Iterator[Finding]:
        answer = self._s3.ask("get_bucket_notification_configuration", Bucket=self._name) or {}
        arn = queue_arn(self._settings)
        ours = [one for one in answer.get("QueueConfigurations", ()) if one.get("QueueArn") == arn]
        if any(self._is_whole(one) for one in ours):
            yield Finding("notification", f"objects under {self._events} are announced to the queue")
        elif ours:
            yield Finding("notification", f"not all objects under {self._events} are announced", self._mend(arn))
        elif "EventBridgeConfiguration" in answer or answer.get("TopicConfigurations"):
            way = "EventBridge" if "EventBridgeConfiguration" in answer else "SNS"
            detail = f"the bucket announces by way of {way}; whether that leads to the queue was not looked at"
            yield Finding("notification", detail)
        else:
            yield Finding("notification", "the bucket announces nothing to the queue", self._mend(arn))

    def _is_whole(self, configuration: dict[str, Any]) -> bool:
        """Whether every object of events is announced, however it is written."""
        events = set(configuration.get("Events", ()))
        rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        filters = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
        return (
            (_ANY in events or events >= _EACH)
            and self._events.startswith(filters.get("prefix", ""))
            and not filters.get("suffix")
        )

    def _mend(self, arn: str) -> str:
        return (
            f"Let the bucket send s3:ObjectCreated:* for the prefix {self._events}, and any suffix, to {arn} "
            "(docs/how-to/deploy-on-aws.md); meanwhile a sweep finds what is missing."
        )
