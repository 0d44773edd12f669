"""``python -m benchmarks NAME [--quick] [--json]``."""

from __future__ import annotations

import argparse
from importlib import import_module

from benchmarks.report import Report

NAMES = {
    "capture": "what recording costs a service on SQLite, MariaDB and PostgreSQL, beside its peers",
    "pipeline": "events from the bucket to the history, end to end: speed, memory, bytes",
    "history": "questions to a history of a million changes",
    "reading": "pages through the HTTP API at 1 and 5 million changes, beside raw SQL, also for a tiny account",
    "mysql": "the same events into SQLite and MariaDB: equal rows, and the rate beside LOAD DATA",
}


def main() -> None:
    """Run one benchmark. Never run two at once on one machine: they would measure each other."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:<10} {about}" for name, about in NAMES.items()),
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="a smaller run, under half a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    given = parser.parse_args()
    module = import_module(f"benchmarks.{given.name}")
    module.run(Report(given.name, as_json=given.json), quick=given.quick)


if __name__ == "__main__":
    main()
