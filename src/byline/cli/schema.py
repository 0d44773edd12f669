"""``byline schema``: the JSON Schema of the audit event."""

from __future__ import annotations

from byline.cli.output import write
from byline.model.schema import json_schema_text


def schema() -> None:
    """The JSON Schema of the audit event."""
    write(json_schema_text().encode())
