"""Answers that do not fit through Lambda: laid into the bucket, and told by a link that is good for minutes.

A Lambda function answers with 6 MB at most (AWS Lambda developer guide, "Lambda quotas")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any
from uuid import uuid4

from byline import amazon
from byline.aws import stores
from byline.bucket.keys import check_key
from byline.errors import BucketError, UsageError

ANSWERS = "answers/"
"""Under this prefix of the bucket: nothing is announced from there, and the stack lets it expire after a day."""

LINK_SECONDS = 300

_DENIED = "Let the function's role put and get objects under answers/ (s3:PutObject, s3:GetObject)."


class Place:
    """Where answers are laid: in the function's own bucket."""

    def __init__(self) -> None:
        settings = stores.settings()
        scheme, _, rest = settings.bucket.partition("://")
        if scheme != "s3":
            hint = "Set BYLINE_BUCKET to s3://bucket, or ask for less."
            raise UsageError("an answer this large needs a bucket on S3", hint=hint)
        self._bucket, _, prefix = rest.partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = amazon.client("s3", settings.environ)

    def lay(self, body: IO[bytes], name: str, headers: Mapping[str, str]) -> str:
        """Lay an answer there, by streaming it, and give the link. ``headers``: how whoever follows it is to take
        it."""
        key = self._prefix + check_key(f"{ANSWERS}{uuid4()}/{name}")
        told = {argument: headers[header] for header, argument in _KEPT.items() if header in headers}
        with amazon.translated(_failed, denied=_DENIED):
            self._client.upload_fileobj(body, self._bucket, key, ExtraArgs=told)
            link: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=LINK_SECONDS
            )
        return link


def _failed(sentence: str, hint: str) -> BucketError:
    return BucketError(f"cannot lay a large answer into the bucket: {sentence}", hint=hint)


_KEPT = {
    "content-type": "ContentType",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
}

place: stores.Opened[Place] = stores.Opened(Place)
