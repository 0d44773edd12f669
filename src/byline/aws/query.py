"""The HTTP API and the pages on Lambda, behind API Gateway: the same application as on a laptop.

It is built while the module is imported, and opens nothing: with SnapStart that is what the snapshot holds, and all
that the first question needs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byline.aws import application, logs, reads, snapshot, stores
from byline.aws.context import Context
from byline.aws.gateway import Gateway

logs.install()
snapshot.around(before=application.prepare, after=stores.forget)

_gateway = Gateway(application.make())


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """One call of API Gateway's HTTP API."""
    logs.begin(context)
    answer = _gateway(event, context)
    reads.sink.ship()
    return answer
