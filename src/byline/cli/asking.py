"""Questions that ``byline doctor`` asks of AWS, and findings of what it may not ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from byline import amazon


class Finding(Struct, frozen=True):
    """What one check found; with ``mend`` it is no good, and that is how to mend it."""

    check: str
    detail: str
    mend: str | None = None
    unknown: bool = False
    """It could not be looked at: whether it is well is not known."""


class CouldNotLook(Exception):
    """The question was not answered."""

    def __init__(self, sentence: str, mend: str) -> None:
        super().__init__(sentence)
        self.mend = mend


_RIGHTS = {
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_bucket_notification_configuration": "s3:GetBucketNotification",
    "get_bucket_versioning": "s3:GetBucketVersioning",
    "get_public_access_block": "s3:GetBucketPublicAccessBlock",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "head_bucket": "s3:ListBucket",
}


class Asker:
    """One service of AWS, asked by the names that boto3 gives its calls."""

    def __init__(self, service: str, environ: Mapping[str, str], *, region: str | None = None) -> None:
        self._client = amazon.client(service, environ, region=region)

    def ask(self, call: str, *, absent: Collection[str] = (), **arguments: str | list[str]) -> dict[str, Any] | None:
        """The answer; ``None`` where AWS says that there is none, by one of the codes ``absent``. Raises
        :class:`CouldNotLook`."""
        try:
            answer: dict[str, Any] = getattr(self._client, call)(**arguments)
        except Exception as error:
            if not amazon.is_error(error):
                raise
            if amazon.code_of(error) in absent:
                return None
            found = amazon.trouble(error, denied=f"Let this role do it: {_RIGHTS[call]}.")
            raise CouldNotLook(found.sentence, found.hint) from error
        return answer


def looked(check: str, findings: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check finds, or that it could not look."""
    try:
        yield from findings()
    except CouldNotLook as not_seen:
        yield Finding(check, f"could not look: {not_seen}", not_seen.mend, unknown=True)
