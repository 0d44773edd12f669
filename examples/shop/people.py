"""Who works and shops here, and what they sit at."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}"
_MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15"
_LINUX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
_PHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1"


class Person(Struct, frozen=True):
    """Somebody who is signed in."""

    user_id: str
    name: str
    email: str
    ip_address: str
    agent: str
    account_id: str = "eb257dff-dddb-482d-afb0-5934ace42c13"


PAVAN: Final = Person(
    "206483f8-f11e-4ee8-87df-962b6f92d610", "Pavan Kumar", "pavan@example.com", "203.0.113.86", _WINDOWS
)
TOMAS: Final = Person(
    "5f0e1c77-7b1c-4a2e-9d0b-3e8c4f6a1b20", "Tomás Rivera", "tomas@example.com", "203.0.113.12", _LINUX
)
MEI_LING: Final = Person(
    "b8350e6c-0c5d-4f0a-8f2e-6d1a9c7e4f31", "Mei-Ling Chen", "mei-ling@example.com", "198.51.100.24", _MAC
)
LENA: Final = Person("7c1d04be-2a63-4c8e-b1f5-90ad3e6b7c42", "Lena Fischer", "lena@example.com", "198.51.100.77", _MAC)
INES: Final = Person(
    "93d2be40-5e1f-4b7a-a6c8-1f0d2c9b8e53", "Ines Almeida", "ines@example.org", "2001:db8::9a40", _PHONE
)
