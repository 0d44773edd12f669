"""Changes as a Parquet file, one row group after another, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from byline.errors import UsageError
from byline.model.query import ChangeRow
from byline.processor.export import COLUMNS

_ROWS = 50_000
_CHARACTERS = 32 << 20
"""Of the values of one row group: some changes hold megabytes."""


def write_parquet(rows: Iterable[ChangeRow], file: BinaryIO) -> None:
    """All columns are text, as everywhere. Raises :class:`~byline.errors.UsageError` where pyarrow is missing."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        hint = "Install it: pip install 'byline[parquet]'."
        raise UsageError(f"Parquet needs the library {error.name}", hint=hint) from error
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(rows):
            columns = [[getattr(row, name) for row in group] for name in COLUMNS]
            arrays = [pa.array(column, pa.string()) for column in columns]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _groups(rows: Iterable[ChangeRow]) -> Iterator[list[ChangeRow]]:
    group: list[ChangeRow] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += len(row.previous_value or "") + len(row.current_value or "")
        if len(group) == _ROWS or characters >= _CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group
