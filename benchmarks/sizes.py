"""What a SQLite file's bytes are spent on: each table and each index."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path


def checkpoint(path: Path) -> int:
    """Fold the write-ahead log into the file; the file's size in bytes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def by_name(path: Path) -> dict[str, int]:
    """Bytes of each table and index, the largest first. Uses SQLite's ``dbstat`` where this build has it."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = dict(connection.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name").fetchall())
        except sqlite3.OperationalError:
            found = _by_dropping(path)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _by_dropping(path: Path) -> dict[str, int]:
    """What each index takes, told by dropping it in a copy; what is left is the tables'."""
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        shutil.copyfile(path, copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            size = copy.stat().st_size
            named = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
            for (name,) in connection.execute(named).fetchall():
                connection.execute(f'DROP INDEX "{name}"')
                connection.execute("VACUUM")
                sizes[name], size = size - copy.stat().st_size, copy.stat().st_size
    return sizes | {"tables": size}
