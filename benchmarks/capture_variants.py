"""One process that does the measured work with one way of recording it: peers change SQLAlchemy for a whole process.

``python -m benchmarks.capture_variants VARIANT URL FOLDER`` answers each number on its input with that many durations.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, Numeric, String, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, configure_mappers, mapped_column, sessionmaker

ROWS = 200
NOW = datetime.fromisoformat("2026-01-02T03:04:05")

Sessions = sessionmaker[Session]


def main(variant: str, url: str, folder: str) -> None:
    engine = _engine(url)
    sessions = sessionmaker(engine)
    with ExitStack() as stack:
        product = stack.enter_context(VARIANTS[variant](sessions, Path(folder)))
        _fill(engine, sessions, product)
        print("[]", flush=True)
        for line in sys.stdin:
            print(json.dumps(_updates(sessions, product, int(line))), flush=True)
    engine.dispose()


def _updates(sessions: Sessions, product: Any, count: int) -> list[int]:
    """Nanoseconds of each: load a row, change 2 of its 12 columns, commit."""
    took = []
    for number in range(count):
        began = time.perf_counter_ns()
        with sessions() as session:
            row = session.get(product, number % ROWS + 1)
            row.title = f"Redmi note {began}"
            row.inventory = began % 1_000_000
            session.commit()
        took.append(time.perf_counter_ns() - began)
    return took


def _made(**more: Any) -> Any:
    """A mapped class of twelve columns, in a registry of its own."""

    class Base(DeclarativeBase):
        type_annotation_map = {str: String(300)}  # noqa: RUF012  # SQLAlchemy reads it from the class

    class Product(Base):
        __tablename__ = "products"
        locals().update(more)

        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        sku_id: Mapped[str]
        description: Mapped[str]
        category: Mapped[str]
        price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
        currency: Mapped[str]
        inventory: Mapped[int]
        weight: Mapped[float]
        active: Mapped[bool]
        created_at: Mapped[datetime]
        updated_at: Mapped[datetime]

    configure_mappers()
    return Product


def _fill(engine: Engine, sessions: Sessions, product: Any) -> None:
    product.metadata.create_all(engine)
    with sessions.begin() as session:
        for id in range(1, ROWS + 1):
            row = product(id=id, title="Redmi note", sku_id=f"sku_{id}", description="6gb Ram " * 20, category="phones")
            row.price, row.currency, row.inventory, row.weight = Decimal("119.00"), "EUR", id, 0.2
            row.active, row.created_at, row.updated_at = True, NOW, NOW
            session.add(row)


def _engine(url: str) -> Engine:
    engine = sqlalchemy.create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

    return engine


@contextmanager
def plain(_sessions: Sessions, _folder: Path) -> Iterator[Any]:
    yield _made()


@contextmanager
def byline_spool(sessions: Sessions, folder: Path) -> Iterator[Any]:
    from byline.capture.recorder import Recorder  # noqa: PLC0415  # a peer's process does not load it
    from byline.settings import Settings  # noqa: PLC0415

    recorder = Recorder(settings=Settings.load(folder, {"BYLINE_SERVICE": "product_management"}))
    with _tracked(sessions, recorder):
        yield _made()
    recorder.close(30)


@contextmanager
def boto3_put(sessions: Sessions, folder: Path) -> Iterator[Any]:
    """The same events, each of them one PUT before the request goes on."""
    import boto3  # noqa: PLC0415  # the slowest import there is

    from byline.capture.recorder import Recorder  # noqa: PLC0415

    client = boto3.client("s3")
    numbers = iter(range(sys.maxsize))

    class Put:
        def accept(self, line: bytes) -> None:
            client.put_object(Bucket="byline", Key=f"events/{folder.name}/{next(numbers)}.json", Body=line)

    with _tracked(sessions, Recorder("product_management", Put())):  # type: ignore[arg-type]  # nothing else is called
        yield _made()


@contextmanager
def _tracked(sessions: Sessions, recorder: Any) -> Iterator[None]:
    from byline.capture.context import bind  # noqa: PLC0415
    from byline.integrations.sqlalchemy import track  # noqa: PLC0415
    from byline.model.event import User  # noqa: PLC0415

    tracking = track(sessions, recorder)
    actor = User(account_id="eb257dff", user_id="206483f8", email="pavan@eunimart.com", user_name="Pavan Kumar")
    with bind(request_id="a20e389c-134b-40e7-9827-1c94eb895412", ip_address="203.109.108.86", actor=actor):
        yield
    assert tracking.stats().extra_selects == tracking.stats().errors == 0
    tracking.stop()


def _peer(module: str) -> Callable[[Sessions, Path], Any]:
    @contextmanager
    def peer(_sessions: Sessions, _folder: Path) -> Iterator[Any]:
        import_module(module).make_versioned(user_cls=None)
        yield _made(__versioned__={})

    return peer


VARIANTS: dict[str, Callable[[Sessions, Path], Any]] = {
    "plain": plain,
    "byline spool": byline_spool,
    "sqlalchemy-continuum": _peer("sqlalchemy_continuum"),
    "sqlalchemy-history": _peer("sqlalchemy_history"),
    "boto3 put in request": boto3_put,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
