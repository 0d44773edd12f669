"""Figures in CloudWatch's embedded metric format: a line of the log that CloudWatch turns into metrics, without a call.

"Specification: embedded metric format" of the Amazon CloudWatch user guide says what such a line looks like."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

from byline.aws import logs
from byline.aws.context import Context

NAMESPACE = "Byline"

Unit = Literal["Count", "Seconds"]
UNITS: Mapping[str, Unit] = {"OldestMessage": "Seconds"}
"""Of what is no count."""


def emit(context: Context, figures: Mapping[str, float]) -> None:
    """Write the figures of one call, by the function's name."""
    logs.write(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["Function"]],
                        "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in figures],
                    }
                ],
            },
            "Function": context.function_name,
            "request_id": context.aws_request_id,
            **figures,
        }
    )
