"""Writes ``schema/openapi.json`` anew: ``python -m tests.unit.web.write_openapi``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from byline.web import create_app
from byline.web.openapi import document_text
from tests.unit.web.served import Byline

FILE = Path(__file__).parents[3] / "schema" / "openapi.json"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        byline = Byline(Path(folder) / "byline")
        FILE.write_text(document_text(create_app(byline.history, byline.bucket).openapi()))
        byline.close()


if __name__ == "__main__":
    main()
