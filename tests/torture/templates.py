"""Databases made once and copied for each run: making them takes longer than the run, and is not what is tortured."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from contextlib import closing
from functools import cache
from pathlib import Path

from byline.history.sqlite import SqliteHistory
from examples.database import open_database
from examples.product_service.models import Base

_making = threading.Lock()  # Alembic works for one thread at a time


def copy_history(target: Path) -> None:
    with _making:
        shutil.copyfile(_made()[0], target)


def copy_products(target: Path) -> None:
    with _making:
        shutil.copyfile(_made()[1], target)


@cache
def _made() -> tuple[Path, Path]:
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    history, products = folder / "history.db", folder / "products.db"
    with closing(SqliteHistory(history)) as opened:
        opened.writer.migrate()
    open_database(f"sqlite:///{products}", Base).kw["bind"].dispose()
    return history, products
