"""What every test stands on."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# A machine under load is slow, not wrong: no deadline, and no complaint about slow generation.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI judges a commit, so the same commit gets the same examples; whoever works on the code explores at random.
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests shape none of them."""
    for name in os.environ:
        if name.startswith(("BYLINE_", "AWS_ENDPOINT_URL")):
            monkeypatch.delenv(name)
