"""Dead letters: list, show, replay, dismiss. Those that the history keeps, and those that the queue has given up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import get_args

from msgspec import Struct, structs

from byline.bucket.keys import DISMISSALS
from byline.bucket.port import Bucket
from byline.errors import ObjectMissing, Reason, Unreachable, UsageError
from byline.history.port import Counts, DeadLetter, History, dead_letter_id
from byline.model.query import ObjectRef
from byline.processor.batch import Batch, NotTaken
from byline.processor.counts import add_counts
from byline.processor.dismissals import Dismissal, dismissal_key, read_dismissal, write_dismissal
from byline.processor.entry import object_letter
from byline.processor.raw import raw_line, read_range
from byline.processor.sweep import forget_settled, given_up_keys
from byline.queue.port import Queue


class Replayed(Struct, frozen=True):
    """What a replay came to."""

    id: str
    accepted: bool
    letter: DeadLetter | None
    """What the trouble is now, where it was refused again."""


class DeadLetterBox:
    """All dead letters, wherever they are kept."""

    def __init__(self, bucket: Bucket, queue: Queue, history: History) -> None:
        self._bucket = bucket
        self._queue = queue
        self._history = history
        self.counts = Counts()
        """What replays have brought so far."""

    def letters(self, *, limit: int = 0, dismissed: bool = False) -> Iterator[DeadLetter]:
        """What the queue gave up, then what the history keeps, newest first; without ``raw``. ``limit=0``: all."""
        given_up = self._given_up(dismissed=dismissed)
        kept = self._history.dead_letters.list(limit=limit, dismissed=dismissed)
        yield from islice(_each_once([*given_up.values()], kept), limit or None)

    def get(self, id: str) -> DeadLetter:
        """One letter, whole, dismissed or not. Raises :class:`~byline.errors.UsageError` where there is none of this
        id."""
        return self._letter(id, self._given_up(dismissed=True))

    def _letter(self, id: str, given_up: Mapping[str, DeadLetter]) -> DeadLetter:
        letter = self._history.dead_letters.get(id) or given_up.get(id)
        if letter is None:
            raise UsageError(f"there is no dead letter {id}", hint="`byline dead-letters` lists those that there are.")
        return letter

    def raw(self, letter: DeadLetter) -> Iterator[bytes]:
        """All of the line that is the trouble, of any length, read back from the bucket where the letter has only its
        beginning."""
        try:
            if letter.reason == "conflicting_event" and letter.line is not None:
                # One that had to give way was an event before, of which no offset was kept.
                yield raw_line(self._bucket, ObjectRef(letter.key, letter.line))
            elif letter.offset is None or letter.size is None or letter.size <= len(letter.raw):
                yield letter.raw
            else:
                yield from read_range(self._bucket, letter.key, letter.offset, letter.size)
        except ObjectMissing:
            yield letter.raw

    def replay(self, ids: Iterable[str]) -> Iterator[Replayed]:
        """Read the letters' objects again, each once, and say for each letter whether its trouble is over.

        Raises :class:`~byline.errors.Unreachable` where bucket or history is down.
        """
        by_key: dict[str, list[DeadLetter]] = {}
        given_up = self._given_up(dismissed=True)
        for id in dict.fromkeys(ids):
            letter = self._letter(id, given_up)
            by_key.setdefault(letter.key, []).append(letter)
        for key, letters in by_key.items():
            trouble = None if letters[0].reason == "foreign_bucket" else self._read_again(key)
            for letter in letters:
                yield self._outcome(letter, trouble)
        forget_settled(self._bucket, self._queue, self._history)

    def dismiss(self, id: str, because: str, *, by: str, at: datetime) -> Dismissal:
        """Decide that a letter needs no more attention. The reason goes into the bucket; the first one given stands."""
        if not because.strip():
            raise UsageError("a dismissal needs a reason", hint='Say why: --because "sent by mistake".')
        self.get(id)
        holds = write_dismissal(self._bucket, Dismissal(dead_letter=id, because=because, by=by, at=at))
        self._history.dead_letters.dismiss(id, holds.because, by=holds.by, at=holds.at)
        return holds

    def _read_again(self, key: str) -> BaseException | None:
        """Take the object; what went wrong with all of it, if something did."""
        batch = Batch(self._history.writer, lambda counts: add_counts(counts, to=self.counts))
        try:
            with self._bucket.open(key) as opened:
                batch.add(opened.info, opened)
            batch.flush()
        except ObjectMissing as error:
            return error
        except NotTaken as error:
            cause = error.__cause__ or error
            if isinstance(cause, Unreachable):
                raise cause from None
            return cause
        except Unreachable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever stops the processor here stops us at this object only
            return error
        return None

    def _outcome(self, letter: DeadLetter, trouble: BaseException | None) -> Replayed:
        if trouble is not None:
            return Replayed(letter.id, False, structs.replace(letter, detail=str(trouble) or type(trouble).__name__))
        still = letter if letter.reason == "foreign_bucket" else self._trouble_at(letter)
        return Replayed(letter.id, still is None, still)

    def _trouble_at(self, letter: DeadLetter) -> DeadLetter | None:
        """What is wrong there now: it may have another reason than before."""
        kept = self._history.dead_letters
        ids = (dead_letter_id(letter.key, letter.line, reason) for reason in (letter.reason, *get_args(Reason)))
        return next((found for id in ids if (found := kept.get(id)) is not None), None)

    def _given_up(self, *, dismissed: bool) -> dict[str, DeadLetter]:
        messages = self._queue.dead()
        announced = {key: message for message in messages for key in given_up_keys(self._bucket, message)}
        taken = self._history.writer.taken(announced) if announced else set()
        hidden = {info.key for info in self._bucket.list(DISMISSALS)} if announced and not dismissed else set()
        letters: dict[str, DeadLetter] = {}
        for key, message in announced.items():
            if key in taken:
                continue
            detail = f"the processor tried it {message.receive_count} times without success; its log has the reason"
            letter = object_letter(key, "gave_up", detail, message.sent_at)
            if dismissal_key(letter.id) not in hidden or not self._is_dismissed(letter.id):
                letters[letter.id] = letter
        return letters

    def _is_dismissed(self, id: str) -> bool:
        """The history knows dismissals of its own letters only; those of the queue's rest in the bucket."""
        return read_dismissal(self._bucket, dismissal_key(id)) is not None


def _each_once(first: Sequence[DeadLetter], then: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    seen = {letter.id for letter in first}
    yield from first
    for letter in then:
        if letter.id not in seen:
            yield letter
