"""A JSON number, token for token.

Python's ``int`` gives most numbers of the wire back as they came; a :class:`Number` stands for the rest: floats
(``119.00`` stays ``119.00``), integers longer than Python converts, and ``-0``.
"""

from __future__ import annotations

import re
import sys
from decimal import MAX_EMAX, MAX_PREC, Context, Decimal
from typing import Final, NamedTuple

_TOKEN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_PRIME: Final = sys.hash_info.modulus
_SAFE_DIGITS: Final = 600
"""Fewer than the least limit that a process may set for conversions between ``int`` and ``str`` (640)."""
_PLAIN_ZEROS: Final = 21
"""More zeros than this are written as an exponent: ``1e999999999`` must not become a gigabyte."""
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX)


class Normal(NamedTuple):
    """A number as (sign, digits, exponent), without superfluous zeros: equal numbers have equal normal forms.

    ``value = sign digits × 10^exponent``. The exponent is decimal text, since it may be longer than Python converts;
    zero is ``("", "0", "0")``.
    """

    sign: str
    digits: str
    exponent: str


_ZERO: Final = Normal("", "0", "0")


def normal(token: str) -> Normal:
    """The normal form of a JSON number token. Exact for any length and any exponent; never by way of a float."""
    sign, token = ("-", token[1:]) if token[0] == "-" else ("", token)
    mantissa, _, exponent = token.replace("E", "e").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return _ZERO
    return Normal(sign, significant, _shifted(exponent or "0", len(digits) - len(significant) - len(fraction)))


def _shifted(exponent: str, by: int) -> str:
    if len(exponent) <= _SAFE_DIGITS:
        return str(int(exponent) + by)
    return str(_EXACT.add(Decimal(exponent), Decimal(by)))


def canonical(token: str) -> str:
    """One spelling for all tokens of a number: ``7``, ``7.0`` and ``7e0`` give ``7``; ``-0`` gives ``0``. Itself a
    JSON number."""
    sign, digits, exponent = normal(token)
    if len(exponent) > _SAFE_DIGITS:
        return f"{sign}{digits}e{exponent}"
    shift = int(exponent)
    point = len(digits) + shift
    if 0 <= shift <= _PLAIN_ZEROS:
        return sign + digits + "0" * shift
    if shift < 0 < point:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if shift < 0 and point > -_PLAIN_ZEROS:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits}e{exponent}"


def integer_text(value: int) -> str:
    """The token of an ``int`` of any length."""
    try:
        return str(value)
    except ValueError:  # longer than sys.set_int_max_str_digits allows, which binds ``int`` but not ``Decimal``
        return str(Decimal(value))


class Number:
    """An immutable JSON number; ``text`` is its token on the wire.

    Equal means the same sign, digits and exponent once normalised (DESIGN §4): ``1``, ``1.0`` and ``1e0`` are equal,
    ``-0`` equals ``0``. An ``int`` may be equal, a ``bool`` or a ``str`` never is. The constructor trusts its
    argument; text from elsewhere goes through :meth:`parse`.
    """

    __slots__ = ("text",)

    text: str

    def __init__(self, text: str) -> None:
        _set_text(self, text)

    @classmethod
    def parse(cls, text: str) -> Number:
        """Raises ``ValueError`` where ``text`` is not a JSON number (RFC 8259 §6)."""
        if _TOKEN.fullmatch(text) is None:
            raise ValueError(f"not a JSON number: {text[:40]!r}")
        return cls(text)

    @property
    def is_integer_token(self) -> bool:
        """Whether the token has neither point nor exponent."""
        return self.text.lstrip("-").isdecimal()

    def __eq__(self, other: object) -> bool:
        if type(other) is Number:
            return self.text == other.text or normal(self.text) == normal(other.text)
        if type(other) is int:
            return normal(self.text) == normal(integer_text(other))
        return NotImplemented

    def __hash__(self) -> int:
        """That of the equal ``int``, by Python's own rule for numbers (a modular inverse below the point)."""
        sign, digits, exponent = form = normal(self.text)
        if len(exponent) > _SAFE_DIGITS:
            return hash(form)
        rest = _modulo(digits) * pow(10, int(exponent), _PRIME) % _PRIME
        return hash(-rest if sign else rest)

    def __repr__(self) -> str:
        return f"Number({self.text!r})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Number is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Number is immutable")

    def __reduce__(self) -> tuple[type[Number], tuple[str]]:
        return Number, (self.text,)


# The slot's own setter: it goes round ``__setattr__``, and is the fastest way into an immutable object.
_set_text = Number.__dict__["text"].__set__


def _modulo(digits: str) -> int:
    rest = 0
    for start in range(0, len(digits), _SAFE_DIGITS):
        chunk = digits[start : start + _SAFE_DIGITS]
        rest = (rest * pow(10, len(chunk), _PRIME) + int(chunk)) % _PRIME
    return rest
