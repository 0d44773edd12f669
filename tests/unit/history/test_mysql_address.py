"""What a MySQL URL may say, and that it never shows its password."""

from __future__ import annotations

import ssl

import pytest

from byline.errors import UsageError
from byline.history.mysql_address import Address


def test_a_url_is_taken_apart() -> None:
    found = Address.parse("mysql://ann%40x:p%2Fw%40%3A@db.test:3307/audit?tls=on&ca=/etc/ca.pem")
    assert (found.user, found.password, found.host, found.port, found.database) == (
        "ann@x",
        "p/w@:",
        "db.test",
        3307,
        "audit",
    )
    assert (found.tls, found.ca) == ("on", "/etc/ca.pem")
    assert Address.parse("mysql://ann@[::1]/audit").port == 3306


def test_a_password_is_never_shown() -> None:
    found = Address.parse("mysql://ann:secret@db.test/audit")
    assert "secret" not in f"{found} {found!r}"
    assert str(found) == "mysql://ann@db.test:3306/audit"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://db.test/audit",
        "mysql://ann:secret@/audit",
        "mysql://ann:secret@db.test",
        "mysql://ann:secret@db.test/a/b",
        "mysql://ann:secret@db.test/audit?tls=maybe",
        "mysql://ann:secret@db.test/audit?ssl=on",
        "mysql://ann:se/cret@db.test/audit",
        "mysql://ann:secret@db.test/audit#x",
        "postgresql://ann:secret@db.test/audit",
    ],
)
def test_a_url_that_is_wrong_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(UsageError) as error:
        Address.parse(url)
    assert "cret" not in str(error.value).replace("secrets", "")
    assert error.value.hint


def test_verified_means_that_the_server_proves_its_name() -> None:
    context = Address.parse("mysql://ann@db.test/audit?tls=verify").context(secret=False)
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_a_token_is_sent_to_nobody_but_the_server() -> None:
    context = Address.parse("mysql://ann@db.test/audit").context(secret=True)
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    for weaker in ("on", "off"):
        with pytest.raises(UsageError):
            Address.parse(f"mysql://ann@db.test/audit?tls={weaker}").context(secret=True)
