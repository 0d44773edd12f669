"""The client's address: past trusted proxies, from the right, and never what a client can choose."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byline.capture.client_ip import ClientAddress
from byline.errors import UsageError

PRIVATE = ["10.0.0.0/8", "fd00::/8"]


def find(
    header: str | None, *, peer: str | None = "10.0.0.1", trusted=tuple(PRIVATE), by="x-forwarded-for"
) -> str | None:
    return ClientAddress(trusted, by).find(peer, header)


def test_by_default_nobody_is_trusted_and_the_peer_is_the_client() -> None:
    assert ClientAddress().find("192.0.2.1", "203.0.113.7") == "192.0.2.1"


def test_without_a_header_the_peer_is_the_client() -> None:
    assert find(None) == "10.0.0.1"
    assert find("") == "10.0.0.1"


def test_a_peer_that_is_not_trusted_is_the_client_whatever_it_says() -> None:
    assert find("203.0.113.7", peer="198.51.100.9") == "198.51.100.9"


def test_the_walk_goes_from_right_to_left_past_trusted_proxies() -> None:
    assert find("203.0.113.7, 10.0.0.3, 10.0.0.2") == "203.0.113.7"


def test_the_leftmost_address_is_the_clients_own_invention() -> None:
    assert find("1.1.1.1, 203.0.113.7, 10.0.0.2") == "203.0.113.7"


def test_where_everybody_is_trusted_the_farthest_is_the_client() -> None:
    assert find("10.0.0.9, 10.0.0.2") == "10.0.0.9"


@pytest.mark.parametrize(
    "garbage",
    [
        "unknown",
        "",
        "-",
        "999.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "example.com",
        "1.2.3.4:http",
        "1.2.3.4:",
        "[::1",
        "::1]",
        "[::1]x",
        "[::1]:",
        "1:2:3",
        "x" * 10_000,
        "\u0661.\u0662.\u0663.\u0664",
        "0x7f.1",
        "1.2.3.4/32",
        "\udc80",
        "1.2.3.4:999999",
    ],
)
def test_garbage_ends_the_walk_at_the_last_trusted_address(garbage: str) -> None:
    assert find(f"203.0.113.7, {garbage}, 10.0.0.2") == "10.0.0.2"
    assert find(garbage) == "10.0.0.1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("  203.0.113.7\t", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7"),
        ("[fe80::7%25eth0]:80", "fe80::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_an_address_is_read_as_proxies_write_it(written: str, meant: str) -> None:
    assert find(written) == meant


def test_an_ipv4_proxy_behind_an_ipv6_socket_is_trusted_as_ipv4() -> None:
    assert find("203.0.113.7", peer="::ffff:10.0.0.1") == "203.0.113.7"
    assert find(None, peer="::ffff:10.0.0.1") == "10.0.0.1"


# --- a count of proxies ---


@pytest.mark.parametrize(
    ("hops", "found"),
    [(0, "198.51.100.2"), (1, "198.51.100.1"), (2, "203.0.113.7"), (3, "1.1.1.1"), (9, "1.1.1.1")],
)
def test_a_count_of_proxies_goes_so_many_steps_to_the_left(hops: int, found: str) -> None:
    assert find("1.1.1.1, 203.0.113.7, 198.51.100.1", peer="198.51.100.2", trusted=hops) == found


def test_a_count_stops_at_garbage() -> None:
    assert find("203.0.113.7, unknown, 198.51.100.1", peer="198.51.100.2", trusted=3) == "198.51.100.1"


# --- Forwarded (RFC 7239) ---


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ('For="203.0.113.7:4711";proto=https;by=10.0.0.1', "203.0.113.7"),
        ('for="[2001:db8::7]:443"', "2001:db8::7"),
        ("proto=https; for = 203.0.113.7", "203.0.113.7"),
        ("for=1.1.1.1, for=203.0.113.7;proto=http, for=10.0.0.2", "203.0.113.7"),
        ("for=203.0.113.7, for=unknown", "10.0.0.1"),
        ("for=203.0.113.7, for=_hidden", "10.0.0.1"),
        ("for=203.0.113.7;for=1.1.1.1", "10.0.0.1"),
        ('for="203.0.113.7', "10.0.0.1"),
        ('for="', "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("203.0.113.7", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_where_the_setting_says_so(header: str, found: str) -> None:
    assert find(header, by="forwarded") == found


def test_a_quote_that_the_client_left_open_does_not_swallow_what_the_proxy_wrote() -> None:
    assert find('for="1.1.1.1, for=203.0.113.7', by="forwarded") == "203.0.113.7"


# --- peers without an address ---


def test_a_proxy_behind_a_unix_socket_is_trusted_by_its_own_word() -> None:
    assert find("203.0.113.7", peer=None, trusted=["unix"]) == "203.0.113.7"
    assert find("203.0.113.7", peer="", trusted=["unix"]) == "203.0.113.7"
    assert find("203.0.113.7", peer=None) is None
    assert find("unknown", peer=None, trusted=["unix"]) is None


def test_a_peer_that_is_no_address_stays_as_the_server_says() -> None:
    assert find("203.0.113.7", peer="testclient") == "testclient"


# --- settings, and what strangers may try ---


@pytest.mark.parametrize("wrong", [["10.0.0.0/99"], ["proxy.example"], ["10.0.0.1/8"], -1, True])
def test_a_setting_that_cannot_be_is_refused_at_once(wrong) -> None:
    with pytest.raises(UsageError):
        ClientAddress(wrong)


def test_there_are_two_headers_to_choose_from() -> None:
    with pytest.raises(UsageError):
        ClientAddress(1, "x-real-ip")


def test_one_network_may_be_given_as_it_is() -> None:
    assert find("203.0.113.7", trusted="10.0.0.0/8") == "203.0.113.7"


def test_an_endless_header_is_looked_at_only_at_its_end() -> None:
    assert find("1.1.1.1," * 100_000 + "203.0.113.7, 10.0.0.2") == "203.0.113.7"
    assert find("10.0.0.5," * 100_000 + "10.0.0.2") == "10.0.0.5"


ADDRESSES = st.ip_addresses().map(str)


@given(st.lists(ADDRESSES | st.text(max_size=20)), st.sampled_from(["10.1.2.3", "fd00::1", "203.0.113.1"]))
def test_what_is_found_is_an_address_that_a_trusted_proxy_named_or_the_peer(chain: list[str], peer: str) -> None:
    header = ",".join(chain)
    found = find(header, peer=peer)
    assert found is not None
    ipaddress.ip_address(found)
    if peer == "203.0.113.1":
        assert found == peer


@given(st.text(), st.lists(ADDRESSES, max_size=3))
def test_whatever_the_client_writes_on_the_left_changes_nothing(written: str, spoofed: list[str]) -> None:
    tail = "203.0.113.7, 10.0.0.2"
    assert find(",".join([written, *spoofed, tail])) == find(tail) == "203.0.113.7"
