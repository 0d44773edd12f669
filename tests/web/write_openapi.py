"""Writes ``schema/openapi.json`` anew: ``python -m tests.web.write_openapi``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from byline.web import create_app
from byline.web.openapi import document_text
from tests.web.served import Byline

FILE = Path(__file__).parents[2] / "schema" / "openapi.json"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        byline = Byline(Path(folder) / "byline")
        FILE.write_text(document_text(create_app(byline.history, byline.bucket).openapi()))
        byline.close()


if __name__ == "__main__":
    main()
