"""What a service calls: ``record`` takes old and new, adds the request context, and hands one event to the sink."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from byline.capture.context import current
from byline.capture.encoding import Draft, encode
from byline.capture.envelope import action_of, entity_of, event_time, table_of, text_of
from byline.capture.leaves import DATETIME
from byline.capture.port import Sink, SinkStats
from byline.capture.redaction import Masking
from byline.capture.sinks import open_sink
from byline.capture.stream import RecordingStream
from byline.capture.tally import sentence
from byline.capture.usual import UsualEvents
from byline.errors import RecordError, UsageError
from byline.model.event import Stream
from byline.settings import Settings

OnError = Literal["count", "raise"]


class RecorderStats(Struct, kw_only=True):
    """Counters of this process since it began (a forked child counts from nought)."""

    stream_id: str
    failed: int
    """Events that could not be recorded, whatever the reason; their running numbers are missing from the stream."""
    cut: int
    """Events in which a value was cut: too large, too deep, or inside itself."""
    repaired: int
    """Events in which a value was repaired."""
    last_error: str | None
    sink: SinkStats


class Recorder:
    """Safe from several threads, and on both sides of a fork.

    ``on_error`` is the one failure policy, for create, update and delete alike: ``"count"`` logs (not more than once a
    minute for each kind), counts, and lets the service carry on; ``"raise"`` raises
    :class:`~byline.errors.RecordError`. Either way a value that JSON does not know is no failure.

    ``time_stamps`` names, for a table, the attribute of the row that tells when it changed (``{"orders":
    "updated_at"}``); else, and for every delete, it is the clock. A naive time is UTC.
    """

    def __init__(
        self,
        service: str | None = None,
        sink: Sink | None = None,
        *,
        masking: Masking | None = None,
        on_error: OnError = "count",
        clock: Callable[[], datetime] | None = None,
        time_stamps: Mapping[str, str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Without ``service`` or ``sink`` the settings say them (by default, those of the environment). ``clock`` gives
        aware times. Raises :class:`~byline.errors.UsageError`."""
        if on_error not in {"count", "raise"}:
            raise UsageError(f"on_error cannot be {on_error!r}", hint='Use "count" or "raise".')
        if service is None or sink is None:
            settings = settings or Settings.load()
        named = service or (settings.service if settings is not None else None)
        if not named:
            raise UsageError("a recorder needs the name of its service", hint="Set BYLINE_SERVICE, or pass service=.")
        self.service = named
        self.sink = sink if sink is not None else open_sink(_given(settings))
        self._masking = masking if masking is not None else Masking()
        self.on_error = on_error
        self._raises = on_error == "raise"
        self._clock = clock or _now
        self._time_stamps = dict(time_stamps or {})
        has_usual = not self._time_stamps and type(self._masking) is Masking
        self._usual = UsualEvents(named, self._masking) if has_usual else None
        self._streams = {os.getpid(): RecordingStream()}

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Recorder:
        """A recorder as the ``BYLINE_…`` variables say; ``options`` are those of the class. Raises
        :class:`~byline.errors.UsageError`, naming the variable."""
        settings = Settings.load() if environ is None else Settings.load(environ=environ)
        return cls(settings=settings, **options)

    def record(
        self,
        action: str,
        table_id: str,
        entity_id: Any,
        *,
        old: Any = None,
        new: Any = None,
        time_stamp: datetime | str | None = None,
        account_id: Any = None,
        miscellaneous: Mapping[str, Any] | None = None,
    ) -> UUID | None:
        """Record one ``"create"``, ``"update"`` or ``"delete"``, and give the event's id; ``None`` where it could not
        be recorded and ``on_error`` is ``"count"``.

        ``entity_id``: text, a number, a UUID; a composite key as a list or mapping. ``old`` and ``new`` are whole
        states: mappings from attribute names to any values, which are read, not kept. ``account_id`` owns the entity,
        where that is not the actor's account. Call it after the change is committed, or in the commit itself.
        """
        stream = self._streams.get(os.getpid()) or self._renewed()
        number = next(stream.numbers)
        try:
            now = self._clock()
            event_id = stream.event_ids.next(int(now.timestamp() * 1000))
            place, context = Stream(stream.id, number), current()
            if self._usual is not None and not miscellaneous:
                when = now if time_stamp is None else time_stamp
                line = self._usual.line(
                    event_id, place, action, table_id, entity_id, account_id, when, context, old, new
                )
                if line is not None:
                    self.sink.accept(line)
                    return event_id
            word = action_of(action)
            moment, repaired = self._when(word, table_id, time_stamp, new, now)
            draft = Draft(
                event_id=event_id,
                stream=place,
                service=self.service,
                action=word,
                table_id=table_of(table_id),
                entity_id=entity_of(entity_id),
                account_id=text_of(account_id),
                time_stamp=moment,
                context=context,
                old=old,
                new=new,
                miscellaneous=miscellaneous,
                repaired=repaired,
            )
            encoded = encode(draft, self._masking)
            self.sink.accept(encoded.line)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no reason to fail the service's own work
            self._failed(stream, table_id, error)
            return None
        if encoded.marks:
            stream.count(cut=bool(encoded.marks.cut), repaired=bool(encoded.marks.repaired))
        return event_id

    def flush(self, timeout: float | None = 5.0) -> bool:
        """True once everything recorded so far is in the bucket; False when ``timeout`` seconds are over (``None``:
        never). What is not shipped by then stays where it is, and is shipped later."""
        return self.sink.flush(timeout)

    def close(self, timeout: float | None = 5.0) -> bool:
        """Flush, then stop. Is idempotent; a process that ends does it by itself."""
        return self.sink.close(timeout)

    def stats(self) -> RecorderStats:
        """Cheap; for a metrics page."""
        stream = self._streams.get(os.getpid()) or self._renewed()
        return RecorderStats(
            stream_id=stream.id,
            failed=stream.failed,
            cut=stream.cut,
            repaired=stream.repaired,
            last_error=stream.last_error,
            sink=self.sink.stats(),
        )

    def _when(
        self, action: str, table_id: str, given: datetime | str | None, new: Any, now: datetime
    ) -> tuple[datetime, tuple[str, ...]]:
        """The moment of the change, and what had to be mended to have one."""
        if given is None and self._time_stamps and action != "delete":
            attribute = self._time_stamps.get(table_id)
            given = new.get(attribute) if attribute is not None and isinstance(new, Mapping) else None
        if given is None:
            return _exactly(now), ()
        when = event_time(given)
        return (when, ()) if when is not None else (_exactly(now), ("time_stamp",))

    def _failed(self, stream: RecordingStream, table_id: Any, error: Exception) -> None:
        stream.count(failed=1, error=sentence(error))
        if not self._raises:
            kind = type(error).__name__
            stream.complaints.say(kind, f"an event of {str(table_id)[:80]!r} was not recorded: {sentence(error)}")
            return
        if isinstance(error, RecordError):
            raise error
        raise RecordError(f"an event could not be recorded: {sentence(error)}") from error

    def _renewed(self) -> RecordingStream:
        """In a forked child: numbers, ids and locks of its own. Two threads may both come here; both get the same."""
        own = self._streams.setdefault(os.getpid(), RecordingStream())
        for other in [process for process in list(self._streams) if process != os.getpid()]:
            self._streams.pop(other, None)
        return own


def _now() -> datetime:
    return datetime.now(UTC)


def _exactly(now: datetime) -> datetime:
    """The clock may give a subclass, which the encoder does not know: what stops the clock in tests does."""
    return now if type(now) in DATETIME else event_time(now) or now


def _given(settings: Settings | None) -> Settings:
    return settings if settings is not None else Settings.load()
