"""What Lambda tells a handler about a call."""

from __future__ import annotations

from typing import Protocol


class Context(Protocol):
    """The part of Lambda's context that we use (AWS Lambda developer guide, "Using the Lambda context object")."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int: ...
