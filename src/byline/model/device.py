"""The device behind a user agent: browser, kind of device, operating system.

Names are ua-parser's families in lower case (``chrome``, ``chrome mobile``, ``mobile safari``, ``curl``). An
operating system is its family and its major version, where there is one: ``windows 10``, ``ios 17``, ``android 13``,
``mac os x 10``, ``linux``. A user agent is what a client says of itself: it is shown, never trusted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

if TYPE_CHECKING:
    import ua_parser

DeviceType = Literal["web", "mobile", "tablet", "bot", "other"]

MAX_LENGTH: Final = 2048
"""Of a user agent, in characters; what comes after it is not looked at. Browsers send some 200."""
MAX_NAME: Final = 64
"""Of a browser or an operating system: apps put their own names there."""
_CACHE: Final = 4096

_BOT = re.compile(r"(?<!cu)bot\b|crawl|spider|slurp|headless|kube-probe|health-?check", re.IGNORECASE)
"""Cubot makes telephones."""
_JAVA = re.compile(r"Java/")
"""ua-parser takes Java's own HTTP client for a spider."""
_NO_DEVICE_TYPE_OF_OURS = re.compile(
    r"smart-?tv|apple ?tv|google ?tv|android tv|hbbtv|bravia|web0s|\broku\b|crkey|\bAFT[A-Z0-9]+\b"
    r"|playstation|xbox|nintendo|\bquest\b|\bwatch\b",
    re.IGNORECASE,
)
_TABLET = re.compile(r"ipad|tablet|kindle|playbook|\bKF[A-Z]{2,6}\b|\bsilk/", re.IGNORECASE)
_MOBILE = re.compile(r"iphone|ipod|mobile|phone|blackberry|opera mini|opera mobi|symbian|kaios", re.IGNORECASE)
_BROWSER = re.compile(r"Mozilla/|Opera/")
_DESKTOPS: Final = frozenset(
    {
        "Windows",
        "Mac OS X",
        "Mac OS",
        "Linux",
        "Chrome OS",
        "Ubuntu",
        "Debian",
        "Fedora",
        "Red Hat",
        "SUSE",
        "Arch Linux",
    }
    | {"CentOS", "Gentoo", "Linux Mint", "FreeBSD", "OpenBSD", "NetBSD", "Solaris"}
)


class Device(Struct, frozen=True):
    """What a user agent tells. All ``None`` where there was none."""

    browser_name: str | None = None
    device_type: DeviceType | None = None
    os: str | None = None


_NONE: Final = Device()


def device(user_agent: str | None) -> Device:
    """What ``user_agent`` tells. Of anything that is not text, or is empty: nothing.

    ``device_type`` is ``web`` for a browser on a desktop computer; ``tablet`` for iPads, Kindles and Android browsers
    that do not call themselves mobile (Google's convention); ``mobile`` for phones and for apps on iOS or Android;
    ``bot`` for crawlers, probes and headless browsers; ``other`` for HTTP libraries, televisions, consoles and what
    is not known. The first rule that fits of bot, television or console, tablet, mobile, web.
    """
    if type(user_agent) is not str or not user_agent:
        return _NONE
    return _device(user_agent[:MAX_LENGTH])  # cut before the cache: it keeps what it is asked


@lru_cache(maxsize=_CACHE)
def _device(user_agent: str) -> Device:
    import ua_parser  # noqa: PLC0415 - 150 ms, wanted only where there are user agents

    result = ua_parser.parse(user_agent.encode("utf-8", "replace").decode())
    return Device(
        browser_name=_named(result.user_agent.family) if result.user_agent else None,
        device_type=_device_type(user_agent, result),
        os=_named(result.os.family, result.os.major) if result.os else None,
    )


def _named(family: str, major: str | None = None) -> str:
    return f"{family} {major or ''}".strip().lower()[:MAX_NAME]


def _device_type(user_agent: str, result: ua_parser.Result) -> DeviceType:
    model = result.device.family if result.device else ""
    os = result.os.family if result.os else ""
    browser = _BROWSER.match(user_agent) is not None
    if (model == "Spider" and not _JAVA.match(user_agent)) or _BOT.search(user_agent):
        return "bot"
    if _NO_DEVICE_TYPE_OF_OURS.search(user_agent):
        return "other"
    if _TABLET.search(user_agent) or (os == "Android" and browser and not _MOBILE.search(user_agent)):
        return "tablet"
    if _MOBILE.search(user_agent) or os in ("Android", "iOS"):
        return "mobile"
    return "web" if browser and os in _DESKTOPS else "other"
