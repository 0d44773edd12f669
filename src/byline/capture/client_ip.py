"""The client's address, past trusted proxies only.

Each proxy appends the address it was called from to a header, so only the right end of the header is trustworthy: the
client wrote the rest. The walk goes from the connection's own peer to the left, while the address in hand is a trusted
proxy's, and ends at the first that is not. By default nobody is trusted, and the peer is the client.

One header is read, the one that your proxy writes: ``x-forwarded-for`` (the default) or ``forwarded`` (RFC 7239). A
proxy that writes one usually passes the other on as the client sent it, so reading both would let the client choose.

A server may have done this already: uvicorn's ``proxy_headers`` (on by default, trusting 127.0.0.1) replaces the peer
by what ``X-Forwarded-For`` says. Then trust nobody here; or start it with ``--no-proxy-headers`` and name your proxies
here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal

from byline.errors import UsageError

ForwardedHeader = Literal["x-forwarded-for", "forwarded"]

UNIX_SOCKET: Final = "unix"
"""Among the trusted proxies: a peer without an address, which is a proxy on the other end of a Unix socket."""

_MAX_HOPS: Final = 32
"""Addresses looked at, from the right. Nobody has that many proxies."""
_LONGEST: Final = 80
"""Characters of one address with brackets, zone and port."""
_LONGEST_CACHED: Final = 512
"""Characters; longer headers are for filling a cache with rubbish."""
_MAPPED: Final = "::ffff:"
_Address = IPv4Address | IPv6Address


class ClientAddress:
    """Finds the client's address in the peer's and a header's.

    ``trusted_proxies``: networks and addresses (``["10.0.0.0/8", "::1", "unix"]``), or how many proxies stand in front
    (``1``: the peer is one). A count is right only where nobody can reach the service past the proxies.
    """

    def __init__(self, trusted_proxies: Iterable[str] | int = (), header: ForwardedHeader = "x-forwarded-for") -> None:
        if header not in ("x-forwarded-for", "forwarded"):
            raise UsageError(f"there is no forwarding header {header!r}", hint="Use x-forwarded-for or forwarded.")
        self.header: ForwardedHeader = header
        self._hops = _count(trusted_proxies)
        names = () if isinstance(trusted_proxies, int) else _names(trusted_proxies)
        self._unix = UNIX_SOCKET in names
        self._networks = tuple(_network(name) for name in names if name != UNIX_SOCKET)
        self.trusts_nobody = not (self._hops or self._unix or self._networks)
        self._walk_cached = lru_cache(maxsize=1024)(self._walk)

    def find(self, peer: str | None, forwarded: str | None) -> str | None:
        """The client's address; ``None`` where nothing is known. What is no address is never taken from a header."""
        if not forwarded or self.trusts_nobody:
            return peer if peer is None or not peer.startswith(_MAPPED) else _plain(peer)
        nearest = forwarded.rsplit(",", _MAX_HOPS)
        if len(nearest) > _MAX_HOPS:
            nearest = nearest[1:]
        kept = ",".join(nearest)
        walk = self._walk_cached if len(kept) <= _LONGEST_CACHED else self._walk
        return walk(peer or None, kept)

    def _walk(self, peer: str | None, forwarded: str) -> str | None:
        found = _plain(peer) if peer else None
        here = _address(peer) if peer else None
        read = _forwarded_for if self.header == "forwarded" else _address
        for hop, element in enumerate(reversed(forwarded.split(","))):
            if not self._is_trusted(here, hop):
                return found
            here = read(element)
            if here is None:
                return found
            found = str(here)
        return found

    def _is_trusted(self, address: _Address | None, hop: int) -> bool:
        if self._hops:
            return hop < self._hops
        if address is None:
            return hop == 0 and self._unix
        return any(address in network for network in self._networks)


def _address(text: str) -> _Address | None:
    """An address as proxies write it: ``1.2.3.4``, ``1.2.3.4:80``, ``::1``, ``[::1]``, ``[::1]:80``, each IPv6 with a
    zone.

    The zone is left out: it names an interface of the proxy's. An IPv4 address in IPv6 clothes is an IPv4 address.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or not (port == "" or _is_port(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped if mapped is not None else address


def _forwarded_for(element: str) -> _Address | None:
    """The ``for`` of one element of a ``Forwarded`` header (RFC 7239 §4).

    The header is cut at every comma, also inside quotes: an open quote that the client wrote must not swallow what the
    proxy wrote after it. ``unknown``, ``_hidden`` and a ``for`` that comes twice are no address.
    """
    pairs = [pair.partition("=") for pair in element.split(";")]
    values = [value.strip() for name, _, value in pairs if name.strip().lower() == "for"]
    if len(values) != 1:
        return None
    value = values[0]
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            return None
        value = value[1:-1]
    return _address(value)


def _is_port(text: str) -> bool:
    digits = text[1:]
    return text[:1] == ":" and digits.isascii() and digits.isdecimal() and len(digits) <= 5


def _plain(peer: str) -> str:
    """A peer as its address is usually written; what is no address (a test client's name) stays as it is."""
    address = _address(peer)
    return str(address) if address is not None else peer


def _count(trusted_proxies: Iterable[str] | int) -> int:
    if isinstance(trusted_proxies, bool) or (isinstance(trusted_proxies, int) and trusted_proxies < 0):
        raise UsageError(f"trusted_proxies cannot be {trusted_proxies}", hint="Give networks, or a count of proxies.")
    return trusted_proxies if isinstance(trusted_proxies, int) else 0


def _names(trusted_proxies: Iterable[str]) -> tuple[str, ...]:
    return (trusted_proxies,) if isinstance(trusted_proxies, str) else tuple(trusted_proxies)


def _network(name: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(name)
    except ValueError as error:
        raise UsageError(f"trusted_proxies cannot hold {name!r}: {error}", hint="Use 10.0.0.0/8 or unix.") from error
