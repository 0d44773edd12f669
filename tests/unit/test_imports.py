"""What ``import byline`` costs a service, and what it offers."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import byline

MAY_LOAD = {"byline", "msgspec", "typing_extensions"}
"""Top-level modules beside the standard library. A service pays for each of them at every start. msgspec takes
typing_extensions where it is installed."""

LOADED = """
import json, sys
before = set(sys.modules)
import byline
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def modules_loaded_by_import() -> set[str]:
    """In a fresh interpreter: this one has loaded half of the world already."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_byline_loads_only_what_a_service_needs() -> None:
    loaded = modules_loaded_by_import()
    assert "byline" in loaded
    assert loaded - set(sys.stdlib_module_names) <= MAY_LOAD


def test_all_is_what_byline_exports() -> None:
    names = {name for name, value in vars(byline).items() if not isinstance(value, ModuleType)}
    assert set(byline.__all__) == {name for name in names if not name.startswith("_")} | {"__version__"}


def test_all_is_sorted_and_names_nothing_twice() -> None:
    assert byline.__all__ == sorted(set(byline.__all__))
