"""Where a MySQL history is: ``mysql://user[:password]@host[:port]/database?tls=verify&ca=/file``."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec import Struct

from byline.errors import UsageError

_HINT = (
    "Use mysql://user:password@host:3306/database, with odd characters as %40; "
    "?tls=verify, on or off, &ca=/file and &auth=iam may follow."
)
_PORT = 3306
_TLS = ("verify", "on", "off", "")


class Address(Struct, frozen=True):
    """One database on one server. Its text form is without the password."""

    host: str
    port: int
    user: str
    password: str
    database: str
    tls: str = ""
    """``verify``: encrypted, by a server that proves its name; ``on``: encrypted; ``off``: never. Empty: encrypted
    where the server can, which protects from nobody who can change what is sent."""
    ca: str | None = None
    """The file of the authority that ``verify`` trusts; by default the system's."""
    auth: str = ""
    """``iam``: a token of IAM stands in for the password."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises :class:`UsageError`, which never repeats what may be a secret."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORT
            said = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError:
            raise UsageError("BYLINE_HISTORY is no MySQL URL", hint=_HINT) from None
        database = unquote(parts.path.removeprefix("/"))
        known = parts.scheme == "mysql" and not said.keys() - {"tls", "ca", "auth"} and said.get("tls", "") in _TLS
        if not known or not parts.hostname or not parts.username or not database or "/" in database or parts.fragment:
            raise UsageError("BYLINE_HISTORY is no MySQL URL", hint=_HINT)
        return cls(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            database=database,
            tls=said.get("tls", ""),
            ca=said.get("ca"),
            auth=said.get("auth", ""),
        )

    def __repr__(self) -> str:
        """For people: without the password."""
        return str(self)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mysql://{quote(self.user)}@{host}:{self.port}/{quote(self.database)}"

    def context(self, *, secret: bool) -> ssl.SSLContext | None:
        """How to encrypt; ``None`` where that is not asked for. ``secret``: what is sent first is a token, which
        whoever reads it may use: it goes to nobody but the server."""
        if secret and self.tls in {"off", "on"}:
            raise UsageError(
                f"a token needs a server that proves its name, and tls={self.tls} asks for none", hint=_HINT
            )
        if not secret and self.tls in {"off", ""}:
            return None
        if self.ca is not None and not Path(self.ca).is_file():
            raise UsageError(f"BYLINE_HISTORY: there is no file {self.ca}", hint="Set ca to the authority's PEM file.")
        context = ssl.create_default_context(cafile=self.ca)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # some clouds' authorities are older than its rules
        if self.tls == "on":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
