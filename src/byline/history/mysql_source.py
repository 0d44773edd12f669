"""Who signs in to a MySQL history, and where it is: told by a URL, by a secret of AWS Secrets Manager, or with a token
of IAM for a password."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Protocol
from urllib.parse import parse_qsl

from msgspec import structs

from byline import amazon
from byline.errors import HistoryError, UsageError
from byline.history.mysql_address import Address

SECRET = "secret:"  # noqa: S105 - a scheme, and no secret
_HINT = "Use secret:NAME-OR-ARN; ?tls=verify, &ca=/file, &auth=iam, &host=…, &port=… and &dbname=… may follow."
_SAYS = "The secret is a JSON object with host, port, username, password and dbname."
_SETTINGS = {"tls", "ca", "auth", "host", "port", "dbname"}


class Source(Protocol):
    """Where to sign in, and as whom."""

    name: str
    """For people: without anything secret."""
    tokens: bool
    """What stands in for the password is a token, which goes to nobody but the server itself."""

    def sign_in(self, *, again: bool = False) -> Address:
        """With the password to send now; ``again``: the one before was refused. Raises
        :class:`~byline.errors.HistoryError`."""


class Given:
    """Told once and for all; ``token`` gives what stands in for the password, each time anew."""

    def __init__(self, address: Address, token: Callable[[], str] | None = None) -> None:
        self.name = str(address)
        self.tokens = token is not None
        self._address = address
        self._token = token
        address.context(secret=self.tokens)  # a mistake shows now, and not with the first question

    def sign_in(self, *, again: bool = False) -> Address:  # noqa: ARG002 - there is no other
        return self._address if self._token is None else structs.replace(self._address, password=self._token())


class Secret:
    """Told by a secret, which is read when it is first needed, kept, and read again where the password is refused:
    another one is made now and then (rotation)."""

    tokens = False

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self._id, _, query = url.removeprefix(SECRET).partition("?")
        self._environ = environ
        self._more = dict(parse_qsl(query, keep_blank_values=True))
        if not self._id or self._more.keys() - _SETTINGS:
            raise UsageError("BYLINE_HISTORY names no secret that can be read", hint=_HINT)
        self.name = f"{SECRET}{self._id}"
        self._lock = threading.Lock()
        self._known: Address | None = None

    def sign_in(self, *, again: bool = False) -> Address:
        with self._lock:
            if again or self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> Address:
        client = amazon.client("secretsmanager", self._environ, region=_region(self._id))
        denied = "Let this role read it: secretsmanager:GetSecretValue (and kms:Decrypt, where its key is your own)."
        with (
            closing(client),
            amazon.translated(
                lambda sentence, hint: HistoryError(f"cannot read the secret {self._id}: {sentence}", hint=hint),
                denied=denied,
                missing="Set BYLINE_HISTORY to the secret's name or ARN.",
            ),
        ):
            said = client.get_secret_value(SecretId=self._id).get("SecretString", "")
        return _address(self._id, said, self._more)


class IamTokens:
    """Another source's, with a token of IAM for the password: good for 15 minutes, made here without asking anyone."""

    tokens = True

    def __init__(self, source: Source, environ: Mapping[str, str]) -> None:
        self._source = source
        self._environ = environ
        self._client: Any = None
        self.name = source.name

    def sign_in(self, *, again: bool = False) -> Address:
        address = self._source.sign_in(again=again)
        if self._client is None:
            self._client = amazon.client("rds", self._environ)
        with amazon.translated(
            lambda sentence, hint: HistoryError(f"cannot make a token for {self.name}: {sentence}", hint=hint)
        ):
            token = self._client.generate_db_auth_token(
                DBHostname=address.host, Port=address.port, DBUsername=address.user
            )
        return structs.replace(address, password=token)


def source_of(url: str, environ: Mapping[str, str]) -> Source:
    """The source that a checked ``BYLINE_HISTORY`` names. Nothing is asked of anyone yet."""
    if url.startswith(SECRET):
        secret = Secret(url, environ)
        return IamTokens(secret, environ) if _auth(dict(parse_qsl(url.partition("?")[2])).get("auth")) else secret
    address = Address.parse(url)
    given = Given(address)
    if not _auth(address.auth or None):
        return given
    address.context(secret=True)
    return IamTokens(given, environ)


def _auth(said: str | None) -> bool:
    if said not in {None, "iam"}:
        raise UsageError(f"BYLINE_HISTORY: auth cannot be {said!r}", hint="Use auth=iam, or leave it out.")
    return said == "iam"


def _region(id: str) -> str | None:
    parts = id.split(":")
    return parts[3] if len(parts) > 6 and parts[0] == "arn" else None


def _address(id: str, said: str, more: Mapping[str, str]) -> Address:
    """What a secret says, and what the URL says beside it. No error repeats a value."""
    try:
        found = {**json.loads(said), **more}
        port = int(found.get("port") or 3306)
        texts = [found[name] for name in ("host", "username", "dbname")]
    except (ValueError, TypeError, KeyError) as error:
        what = f"names no {error.args[0]}" if isinstance(error, KeyError) else "cannot be read"
        raise HistoryError(f"the secret {id} {what}", hint=_SAYS) from None
    host, user, database = texts
    password = found.get("password", "")
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(password, str):
        raise HistoryError(f"the secret {id} holds something else than texts", hint=_SAYS)
    return Address(
        host=host,
        port=port,
        user=user,
        password=password,
        database=database,
        tls=found.get("tls", ""),
        ca=found.get("ca"),
    )
