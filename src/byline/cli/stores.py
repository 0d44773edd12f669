"""What a command works with: bucket, queue and history, each opened when it is asked for, all closed at the end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from byline import wiring
from byline.bucket.port import Bucket
from byline.errors import BylineError, Unreachable
from byline.history.port import History, Reader
from byline.queue.port import Queue
from byline.settings import Settings, path_of


class NothingRecorded(BylineError):
    """There is no history yet: the answer to every question is empty, and no error."""


class Stores:
    """Bucket, queue and history of the settings."""

    def __init__(self, settings: Settings, closing: ExitStack) -> None:
        self.settings = settings
        self._closing = closing

    @cached_property
    def bucket(self) -> Bucket:
        return wiring.open_bucket(self.settings)

    @cached_property
    def queue(self) -> Queue:
        queue = wiring.open_queue(self.settings)
        self._closing.callback(queue.close)
        return queue

    @cached_property
    def history(self) -> History:
        """The history as it is. It may not be there yet."""
        history = wiring.open_history(self.settings)
        self._closing.callback(history.close)
        return history

    @property
    def writable_history(self) -> History:
        """The history, made or brought up to date where it is a local file: on a laptop nothing needs setting up."""
        file = self.history_file
        if file is not None:
            if file.parent == self.settings.data:
                # Only our own folder: one that a setting names may be a mount that is missing, and is not made.
                _make(file.parent)
            self.history.writer.migrate()
        return self.history

    @property
    def existing_history(self) -> History:
        """The history. Raises :class:`NothingRecorded` where no file is there yet."""
        file = self.history_file
        if file is not None and not file.exists():
            raise NothingRecorded(
                f"nothing is recorded yet in {file}",
                hint="Lay events into the bucket with `byline put`, then run `byline process`.",
            )
        return self.history

    @property
    def reader(self) -> Reader:
        return self.existing_history.reader

    @property
    def history_file(self) -> Path | None:
        """The history's file, where it is one."""
        return path_of(self.settings.history) if self.settings.history.startswith("sqlite:") else None


@contextmanager
def stores(data: Path | None) -> Generator[Stores]:
    """The stores of the environment's settings; ``data`` is what ``--data`` said."""
    with ExitStack() as closing:
        yield Stores(Settings.load(data), closing)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Name a folder that this user may write, with --data or BYLINE_DATA."
        raise Unreachable(f"cannot make the data folder {folder}: {error.strerror or error}", hint=hint) from error
