"""From what a framework calls its user to the user of an event."""

from __future__ import annotations

from collections import namedtuple
from enum import StrEnum
from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.authentication import BaseUser, SimpleUser, UnauthenticatedUser

from byline.capture.framework_user import text_of, user_of
from byline.model.event import User

ID = UUID("206483f8-f11e-4ee8-87df-962b6f92d610")


@pytest.mark.parametrize(
    ("said", "user"),
    [
        ({"id": 7, "email": "a@b.c", "name": "Ann", "account_id": ID}, User(str(ID), "7", "a@b.c", "Ann")),
        ({"pk": ID, "username": "ann", "display_name": "Ann A."}, User(None, str(ID), None, "Ann A.")),
        ({"user_id": "u", "id": "profile"}, User(user_id="u")),
        ({"username": "ann"}, User(user_id="ann", user_name="ann")),
        ({"email": "a@b.c"}, User(email="a@b.c")),
        ({"sub": "s", "name": "Ann"}, User(user_id="s", user_name="Ann")),
        ({"id": True, "username": "ann", "name": ["x"], "email": b"x"}, User(user_id="ann", user_name="ann")),
        ({"id": 0}, User(user_id="0")),
        ({"id": "", "username": "ann"}, User(user_id="ann", user_name="ann")),
    ],
)
def test_a_user_is_read_by_the_names_that_frameworks_use(said, user: User) -> None:
    assert user_of(said) == user
    assert user_of(SimpleNamespace(**said)) == user


def test_a_user_of_ours_stays_as_it_is_and_a_bare_id_is_an_id() -> None:
    assert user_of(User(email="x")) == User(email="x")
    assert user_of(None) is None
    assert user_of("u") == User(user_id="u")
    assert user_of(7) == User(user_id="7")
    assert user_of(ID) == User(user_id=str(ID))


def test_starlettes_users() -> None:
    assert user_of(SimpleUser("ann")) == User(user_id="ann", user_name="ann")
    assert user_of(UnauthenticatedUser()) is None


def test_who_is_not_signed_in_is_nobody() -> None:
    assert user_of({"id": 7, "is_authenticated": False}) is None
    assert user_of(SimpleNamespace(id=7, is_authenticated=lambda: False)) is None
    assert user_of(SimpleNamespace(id=7, is_authenticated=lambda: True)) == User(user_id="7")


def test_who_cannot_say_that_he_is_signed_in_is_not() -> None:
    class Unfinished(BaseUser):
        display_name = "Ann"

    with pytest.raises(NotImplementedError):
        user_of(Unfinished())


def test_a_property_that_raises_is_one_that_is_not_there() -> None:
    class Partial(BaseUser):
        is_authenticated = True
        display_name = "Ann"

    assert user_of(Partial()) == User(user_name="Ann")


@pytest.mark.parametrize("stranger", [object(), {}, {"login": "x"}, [1], 1.5, b"x", True])
def test_what_says_nothing_of_a_user_is_told_and_not_guessed(stranger) -> None:
    with pytest.raises(LookupError):
        user_of(stranger)


def test_text_of_subclasses_is_their_text() -> None:
    class Role(StrEnum):
        ADMIN = "admin"

    assert type(text_of(Role.ADMIN)) is str
    assert text_of(Role.ADMIN) == "admin"
    assert user_of(namedtuple("Row", "id name")(3, "Ann")) == User(user_id="3", user_name="Ann")


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(50))

    @property
    def is_authenticated(self) -> bool:
        return bool(self.name)


@pytest.mark.parametrize("state", ["loaded", "expired", "detached"])
def test_an_orms_user_is_read_without_a_statement(state: str) -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    statements: list[str] = []
    with Session(engine) as session:
        session.add(Person(id=7, email="a@b.c", name="Ann"))
        session.commit()
        person = session.get(Person, 7)
        assert person is not None
        if state != "loaded":
            session.expire(person)
        if state == "detached":
            session.expunge(person)
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        user = user_of(person)
    assert user == (User(None, "7", "a@b.c", "Ann") if state == "loaded" else User(user_id="7"))
    assert statements == []
    engine.dispose()
