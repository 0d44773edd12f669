"""What schemathesis has to know about this API beside its description. Named by ``SCHEMATHESIS_HOOKS``."""

from __future__ import annotations

from typing import Any

import schemathesis

BEYOND_A_SCHEMA = {"cursor", "from", "to", "token"}
"""Fields that may be refused although they have the right form: a cursor that nobody was given, ``to`` before ``from``,
a token that nobody issued. And of an event's time stamp: a day that no calendar has."""


LINES = "application/x-ndjson"


@schemathesis.serializer(LINES)
def lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.check
def what_the_schema_allows_is_taken(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """In place of schemathesis' own check, which knows nothing of what a schema cannot say."""
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    # Any text may stand for lines: what is wrong with them no schema of a string can say.
    if positive and response.status_code == 400 and case.media_type != LINES:
        errors = response.json().get("errors", [])
        assert errors, "refused without a reason"
        wrong = [error for error in errors if not error["detail"].startswith("invalid_timestamp")]
        assert {error["field"] for error in wrong} <= BEYOND_A_SCHEMA, f"refused, though the schema allows it: {wrong}"
