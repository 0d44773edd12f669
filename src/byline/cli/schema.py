"""``byline schema``: the JSON Schema of the audit event."""

from __future__ import annotations

import json

from byline.cli.output import write_line
from byline.model.schema import json_schema


def schema() -> None:
    """The JSON Schema of the audit event."""
    write_line(json.dumps(json_schema(), indent=2, ensure_ascii=True))
