r"""Attribute names: ``title``, ``address.city``, ``lines[id=7].price``, ``["a.b"]``, ``lines[]`` (DESIGN §4).

::

    attribute  = name { "." plain | quoted | element } [ "[]" ]
    name       = plain | quoted
    plain      = one or more characters, none of  . [ ] " \  or a control character (category Cc)
    quoted     = "[" JSON string "]"                                    address["a.b"].c
    element    = "[" ( "id" | "_id" ) "=" identity "]"                  lines[_id="x"]
    identity   = JSON string | canonical JSON number | true | false     7, 7.0 and 7e0 are all 7

Each attribute has one name and each name one attribute: :func:`parse` takes no other spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from byline.model.event import Json
from byline.model.number import Number, canonical, integer_text

IdentityName = Literal["id", "_id"]

IDENTITY_NAMES: Final[tuple[IdentityName, ...]] = ("id", "_id")
"""The attributes by which the elements of a list are told apart, the preferred one first."""


class Element(Struct, frozen=True):
    """A step to the element of a list that has this identity, given as JSON text: ``7`` or ``"7"``."""

    name: IdentityName
    identity: str


class Order(Struct, frozen=True):
    """The last step of ``lines[]``: not an element, but the order of them all."""


ORDER: Final = Order()

Step: TypeAlias = str | Element | Order
"""A plain ``str`` is the name of an attribute, as it is, unquoted."""

_SPECIAL = re.compile(r'[.\[\]"\\\x00-\x1f\x7f-\x9f]')
_BEYOND_JSON = re.compile(r"[\x7f-\x9f]")
_PLAIN = re.compile(r'[^.\[\]"\\\x00-\x1f\x7f-\x9f]+')
_ELEMENT = re.compile(r'\[(id|_id)=(?:(?P<token>-?[0-9][0-9.e-]*|true|false)|(?P<quote>"))')
_decoder = json.JSONDecoder()


def member(path: str, name: str) -> str:
    """The name of an attribute ``name`` of the object at ``path``; the root's path is empty."""
    if name.isidentifier() or (name and not _SPECIAL.search(name)):
        return f"{path}.{name}" if path else name
    return f"{path}[{quoted(name)}]"


def element(path: str, name: IdentityName, identity: str) -> str:
    """The path of a list's element; ``identity`` as :func:`identity_text` gives it."""
    return f"{path}[{name}={identity}]"


def order(path: str) -> str:
    """The name that holds the order of the list at ``path``."""
    return f"{path}[]"


def identity_text(identity: Json) -> str:
    """The JSON text of a string, number or bool, the same for equal identities only."""
    kind = type(identity)
    if kind is str:
        return quoted(identity)
    if kind is int:
        return canonical(integer_text(identity))
    if kind is Number:
        return canonical(identity.text)
    return "true" if identity else "false"


def quoted(text: str) -> str:
    """A JSON string in which every control character is escaped, also those that JSON would let pass."""
    return _BEYOND_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def join(steps: Sequence[Step]) -> str:
    """The name made of these steps."""
    path = ""
    for step in steps:
        if isinstance(step, str):
            path = member(path, step)
        elif isinstance(step, Element):
            path = element(path, step.name, step.identity)
        else:
            path = order(path)
    return path


def parse(name: str) -> list[Step]:
    """The steps of an attribute's name. Raises ``ValueError`` where it is none, or not spelled as :func:`join`
    would."""
    steps: list[Step] = []
    at = 0
    while at < len(name) or not steps:
        step, at = _step(name, at)
        steps.append(step)
    if isinstance(steps[0], str) and ORDER not in steps[:-1] and join(steps) == name:
        return steps
    raise _wrong(name)


def _step(name: str, at: int) -> tuple[Step, int]:
    if name.startswith("[]", at):
        return ORDER, at + 2
    if name.startswith('["', at):
        text, at = _json_string(name, at + 1)
        return text, _closed(name, at)
    if found := _ELEMENT.match(name, at):
        return _element(name, found)
    start = at + 1 if at and name[at] == "." else at
    if plain := _PLAIN.match(name, start):
        return plain[0], plain.end()
    raise _wrong(name)


def _element(name: str, found: re.Match[str]) -> tuple[Step, int]:
    key: IdentityName = "id" if found[1] == "id" else "_id"
    if token := found["token"]:
        return Element(key, _scalar(name, token)), _closed(name, found.end())
    text, at = _json_string(name, found.end() - 1)
    return Element(key, quoted(text)), _closed(name, at)


def _scalar(name: str, token: str) -> str:
    if token in ("true", "false"):
        return token
    try:
        return canonical(Number.parse(token).text)
    except ValueError:
        raise _wrong(name) from None


def _json_string(name: str, at: int) -> tuple[str, int]:
    try:
        text, end = _decoder.raw_decode(name, at)
    except ValueError:
        raise _wrong(name) from None
    return text, end


def _closed(name: str, at: int) -> int:
    if name.startswith("]", at):
        return at + 1
    raise _wrong(name)


def _wrong(name: str) -> ValueError:
    return ValueError(f"not the name of an attribute: {name[:80]!r}")
