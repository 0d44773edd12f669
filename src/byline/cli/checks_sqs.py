"""What ``byline doctor`` looks at where the queue is on SQS: who may send to it, and where it puts what it gives up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from byline.cli.asking import Asker, CouldNotLook, Finding, looked
from byline.queue.sqs_address import dead_queue, region_of
from byline.settings import Settings

LEAST_TRIES = 5
"""AWS's own advice for a queue before a Lambda function ("Configuring an SQS queue to use with Lambda")."""
LEAST_INVISIBLE = 60
"""Seconds: a transaction, and what it waits for, fit in it."""

_ROAD = "docs/how-to/deploy-on-aws.md has the whole of it"


def sqs_findings(settings: Settings) -> Iterator[Finding]:
    """Of the queue, and of its dead-letter queue."""
    queue = _Queue(settings)
    for check, findings in (
        ("queue kind", queue.kind),
        ("queue policy", queue.policy),
        ("visibility timeout", queue.visibility),
        ("dead-letter queue", queue.dead),
    ):
        yield from looked(check, findings)


def queue_arn(settings: Settings) -> str:
    """What a notification calls the queue. Raises :class:`~byline.cli.asking.CouldNotLook`."""
    arn: str = _Queue(settings).attributes["QueueArn"]
    return arn


class _Queue:
    def __init__(self, settings: Settings) -> None:
        self._url = settings.queue.removeprefix("sqs:")
        self._sqs = Asker("sqs", settings.environ, region=region_of(self._url))
        scheme, _, rest = settings.bucket.partition("://")
        self._bucket = rest.partition("/")[0] if scheme == "s3" else None
        self._known: Mapping[str, str] | None = None

    @property
    def attributes(self) -> Mapping[str, str]:
        """All of them, asked for once."""
        if self._known is None:
            self._known = self._ask(self._url)
        return self._known

    def kind(self) -> Iterator[Finding]:
        if self._url.endswith(".fifo"):
            detail = "it is a FIFO queue, to which S3 cannot send"
            yield Finding("queue kind", detail, "Make a standard queue, and set BYLINE_QUEUE to it.")

    def policy(self) -> Iterator[Finding]:
        """S3 may send, and only for this bucket of this account: else anybody's bucket could announce here."""
        if self._bucket is None:
            return
        arn = self.attributes["QueueArn"]
        grants = [one for one in _statements(self.attributes.get("Policy")) if _lets_s3_send(one)]
        bucket = f"arn:{arn.split(':')[1]}:s3:::{self._bucket}"
        if not any(_matches(_condition(one, "aws:sourcearn"), bucket) for one in grants):
            detail = f"S3 may not send to it for the bucket {self._bucket}, so nothing is announced"
            yield Finding("queue policy", detail, self._grant(arn))
            return
        loose = [
            name
            for name, key in (("aws:SourceArn", "aws:sourcearn"), ("aws:SourceAccount", "aws:sourceaccount"))
            if any(not _condition(one, key) for one in grants)
        ]
        if loose:
            detail = f"anybody's bucket may announce here: its policy does not ask for {' and '.join(loose)}"
            yield Finding("queue policy", detail, self._grant(arn))
        else:
            yield Finding("queue policy", f"S3 may send to it, for the bucket {self._bucket} of its account only")

    def visibility(self) -> Iterator[Finding]:
        seconds = int(self.attributes.get("VisibilityTimeout", 30))
        detail = f"a message in hand is kept from others for {seconds} s"
        mend = (
            f"Set its VisibilityTimeout to {LEAST_INVISIBLE} or more, and to six times the timeout of a Lambda function"
            " that takes from it: else messages are taken twice, and given up too early."
        )
        yield Finding("visibility timeout", detail, mend if seconds < LEAST_INVISIBLE else None)

    def dead(self) -> Iterator[Finding]:
        dead = dead_queue(self._url, self.attributes)
        if dead is None:
            detail = "it has no dead-letter queue: what cannot be taken comes back until it is forgotten"
            yield Finding("dead-letter queue", detail, f"Give it a RedrivePolicy with maxReceiveCount 5; {_ROAD}.")
            return
        if dead.tries < LEAST_TRIES:
            detail = f"a message is given up after {dead.tries} tries, which a short outage uses up"
            yield Finding("dead-letter queue", detail, f"Set maxReceiveCount to {LEAST_TRIES} or more.")
        told = self._ask(dead.url)
        kept, waits = (int(one.get("MessageRetentionPeriod", 345_600)) for one in (told, self.attributes))
        if kept <= waits:
            detail = (
                f"it keeps messages for {_days(kept)} counted from when they were first sent, the queue {_days(waits)}"
            )
            mend = "Set its MessageRetentionPeriod to 1209600 (14 days), and the queue's to less."
            yield Finding("dead-letter queue", detail, mend)
        number = int(told.get("ApproximateNumberOfMessages", 0))
        if number:
            detail = f"{number} messages were given up"
            mend = "See `byline dead-letters`; mend the cause and replay them, or dismiss them with a reason."
            yield Finding("dead-letter queue", detail, mend)
        elif dead.tries >= LEAST_TRIES and kept > waits:
            yield Finding(
                "dead-letter queue", f"empty; a message is given up after {dead.tries} tries, and kept {_days(kept)}"
            )

    def _ask(self, url: str) -> Mapping[str, str]:
        missing = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
        answer = self._sqs.ask("get_queue_attributes", absent=missing, QueueUrl=url, AttributeNames=["All"])
        if answer is None:
            raise CouldNotLook(f"there is no queue {url}", "Create it, or set BYLINE_QUEUE to sqs: and the right URL.")
        found: Mapping[str, str] = answer.get("Attributes", {})
        return found

    def _grant(self, arn: str) -> str:
        return (
            f"Let its policy allow s3.amazonaws.com sqs:SendMessage on {arn} where aws:SourceArn is "
            f"arn:aws:s3:::{self._bucket} and aws:SourceAccount is your account; {_ROAD}."
        )


def _statements(policy: str | None) -> list[Mapping[str, Any]]:
    try:
        said = json.loads(policy or "{}").get("Statement", [])
    except (ValueError, AttributeError):
        return []
    return [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, dict)]


def _lets_s3_send(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    services = (
        _list(principal.get("Service")) + _list(principal.get("AWS")) if isinstance(principal, dict) else [principal]
    )
    actions = [str(action).lower() for action in _list(statement.get("Action"))]
    return (
        statement.get("Effect") == "Allow"
        and bool({"s3.amazonaws.com", "*"}.intersection(services))
        and any(fnmatchcase("sqs:sendmessage", action) for action in actions)
    )


def _condition(statement: Mapping[str, Any], key: str) -> list[str]:
    """The values that a condition asks of this key, by whatever operator that asks for some, and not for others."""
    found: list[str] = []
    for operator, asked in statement.get("Condition", {}).items():
        for name, values in asked.items():
            if name.lower() == key and "not" not in operator.lower():
                found += map(str, _list(values))
    return found


def _matches(arns: list[str], bucket: str) -> bool:
    """Whether one of these ARNs is the bucket's; they may hold ``*``. None at all: any bucket's is."""
    return not arns or any(fnmatchcase(bucket, arn) for arn in arns)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _days(seconds: int) -> str:
    return f"{seconds / 86_400:.1f} days"
