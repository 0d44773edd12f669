"""Where queues of SQS are: their URLs and ARNs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

_AMAZON = re.compile(r"https://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.[a-z0-9.]+(?::\d+)?/")
_ARN = re.compile(r"arn:[a-z0-9-]+:sqs:[a-z0-9-]*:(\w+):([A-Za-z0-9_.-]+)")


class DeadQueue(NamedTuple):
    """Where a queue puts what it gives up."""

    url: str
    tries: int
    """How often a message is handed out before that: ``maxReceiveCount``."""


def region_of(url: str) -> str | None:
    """The region that a queue's URL names; ``None`` for an address that is not Amazon's."""
    found = _AMAZON.match(url)
    return found[1] or found[2] if found else None


def dead_queue(url: str, attributes: Mapping[str, str]) -> DeadQueue | None:
    """The dead-letter queue that the queue's ``RedrivePolicy`` names. It is in the same account and region (Amazon SQS
    developer guide, "Using dead-letter queues"), so its URL needs no asking."""
    try:
        policy = json.loads(attributes.get("RedrivePolicy") or "{}")
        arn, tries = str(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"])
    except (KeyError, TypeError, ValueError):
        return None
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    base, _account, _name = url.rstrip("/").rsplit("/", 2)
    return DeadQueue(f"{base}/{found[1]}/{found[2]}", tries)
