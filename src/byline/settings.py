"""What the environment says. Nothing else in Byline reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from byline.errors import UsageError

_FILE = "file://"
_SQLITE = "sqlite:///"
_CLOUD_BUCKET = re.compile(r"(?:s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._=/-]*)?")
_CLOUD_VARIABLES = ("AWS_", "AZURE_", "GOOGLE_")
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    "az": ("AZURE_STORAGE_ENDPOINT",),
    "gs": ("GOOGLE_BASE_URL",),
}
_SECRET = re.compile(r"secret:[A-Za-z0-9/_+=.@:-]+(?:\?[\x21-\x7e]*)?")
"""A name or an ARN, in the characters that Secrets Manager allows."""
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):.*@", re.DOTALL)

_BUCKET_HINT = "Use file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix."
_QUEUE_HINT = "Use sqlite:///file or sqs:QUEUE_URL."
_HISTORY_HINT = "Use sqlite:///file, mysql://user@host:port/database or secret:NAME-OR-ARN."


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """What one process was told. Paths are absolute; URLs have been checked for their form, not for who answers
    there."""

    data: Path
    """``BYLINE_DATA``: where the laptop's bucket, queue and history live."""
    bucket: str
    """``BYLINE_BUCKET``: ``file:///…``, ``s3://bucket/prefix``, ``gs://…`` or ``az://container/prefix``."""
    queue: str
    """``BYLINE_QUEUE``: ``sqlite:///…`` or ``sqs:QUEUE_URL``."""
    history: str
    """``BYLINE_HISTORY``: ``sqlite:///…``, ``mysql://user@host:port/db`` or ``secret:NAME-OR-ARN``."""
    spool: Path
    """``BYLINE_SPOOL``: where the recorder keeps events until they are shipped."""
    spool_max_bytes: int = 1 << 30
    """``BYLINE_SPOOL_MAX_BYTES``: what may wait there; an event beyond it is refused, and counted."""
    durability: str = "group"
    """``BYLINE_DURABILITY``: what a recorded event has survived already: ``group``, ``fsync`` or ``memory``."""
    service: str | None = None
    """``BYLINE_SERVICE``: ``micro_service_name`` of what this process records."""
    queue_visibility: float = 60.0
    """``BYLINE_QUEUE_VISIBILITY``: seconds after which a message in hand that was not acknowledged comes back."""
    queue_max_receives: int = 5
    """``BYLINE_QUEUE_MAX_RECEIVES``: how often a message is handed out before it is dead."""
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: str | None = None
    jwt_jwks: str | None = None
    """Inline: the JSON of a JWKS."""
    sign_in_url: str | None = None
    """``BYLINE_SIGN_IN_URL``: where the pages send a reader who has no session."""
    claim_account: str = "account_id"
    """``BYLINE_CLAIM_ACCOUNT``, ``_SCOPE``, ``_USER``, ``_EMAIL``, ``_NAME``: which claim of a token says what: a name,
    or a dotted path."""
    claim_scope: str = "scope"
    claim_user: str = "sub"
    claim_email: str = "email"
    claim_name: str = "name"
    record_reads: bool = True
    """``BYLINE_RECORD_READS``: whether who looked at what is recorded, where readers sign in."""
    rate_limit: str = "600/minute"
    """``BYLINE_RATE_LIMIT``: calls of one caller in a span of time, such as ``600/minute``; ``off``: any number."""
    cursor_key: str | None = None
    """``BYLINE_CURSOR_KEY``: the key that signs cursors; ``None``: each process makes its own. Secret."""
    embed_origins: tuple[str, ...] = ()
    """``BYLINE_EMBED_ORIGINS``: who may embed the timeline, separated by commas or spaces."""
    environ: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The cloud's own variables (``AWS_…``, ``AZURE_…``, ``GOOGLE_…``), passed on as they are. Secret."""

    @classmethod
    def load(cls, data: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment; ``data`` wins over ``BYLINE_DATA``. An empty variable counts as one that is not set.

        Raises :class:`~byline.errors.UsageError`, naming the variable.
        """
        given = _Given(environ)
        home = data if data is not None else Path(given.text("BYLINE_DATA") or "byline-data")
        data = _absolute("BYLINE_DATA", home)
        bucket = given.checked("BYLINE_BUCKET", _bucket_url) or _FILE + _quoted(data / "bucket")
        _check_endpoints(bucket, given)
        if given.text("BYLINE_JWT_JWKS_URL") and given.text("BYLINE_JWT_JWKS"):
            raise UsageError("BYLINE_JWT_JWKS_URL and BYLINE_JWT_JWKS are both set", hint="Set one of the two.")
        return cls(
            data=data,
            bucket=bucket,
            queue=given.checked("BYLINE_QUEUE", _queue_url) or _SQLITE + _quoted(data / "queue.db"),
            history=given.checked("BYLINE_HISTORY", _history_url) or _SQLITE + _quoted(data / "history.db"),
            spool=_absolute("BYLINE_SPOOL", Path(given.text("BYLINE_SPOOL") or data / "spool")),
            spool_max_bytes=given.number("BYLINE_SPOOL_MAX_BYTES", 1 << 30, least=1 << 20),
            durability=given.checked("BYLINE_DURABILITY", _durability) or "group",
            service=given.text("BYLINE_SERVICE"),
            queue_visibility=given.number("BYLINE_QUEUE_VISIBILITY", 60, least=1),
            queue_max_receives=given.number("BYLINE_QUEUE_MAX_RECEIVES", 5, least=1),
            jwt_issuer=given.text("BYLINE_JWT_ISSUER"),
            jwt_audience=given.text("BYLINE_JWT_AUDIENCE"),
            jwt_jwks_url=given.checked("BYLINE_JWT_JWKS_URL", _web_url),
            jwt_jwks=given.text("BYLINE_JWT_JWKS"),
            sign_in_url=given.checked("BYLINE_SIGN_IN_URL", _web_url),
            claim_account=given.text("BYLINE_CLAIM_ACCOUNT") or "account_id",
            claim_scope=given.text("BYLINE_CLAIM_SCOPE") or "scope",
            claim_user=given.text("BYLINE_CLAIM_USER") or "sub",
            claim_email=given.text("BYLINE_CLAIM_EMAIL") or "email",
            claim_name=given.text("BYLINE_CLAIM_NAME") or "name",
            record_reads=(given.checked("BYLINE_RECORD_READS", _on_or_off) or "on") == "on",
            rate_limit=given.checked("BYLINE_RATE_LIMIT", _rate) or "600/minute",
            cursor_key=given.text("BYLINE_CURSOR_KEY"),
            embed_origins=_origins(given.text("BYLINE_EMBED_ORIGINS") or ""),
            environ=MappingProxyType({k: v for k, v in environ.items() if k.startswith(_CLOUD_VARIABLES)}),
        )

    def __repr__(self) -> str:
        """Without secrets, so that it may be shown."""
        secret = {"cursor_key", "environ", "jwt_jwks"}
        shown = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in secret}
        return f"Settings({', '.join(f'{name}={_shown(value)!r}' for name, value in shown.items())})"


def path_of(url: str) -> Path:
    """The absolute path that a ``file://…`` or ``sqlite:///…`` URL names.

    What follows ``file://`` or ``sqlite:///`` is a path, absolute or relative; ``~`` is the home folder, and ``%20`` a
    space. ``?`` and ``#`` have no other meaning than their own.
    """
    rest = url.removeprefix(_SQLITE) if url.startswith(_SQLITE) else url.removeprefix(_FILE).removeprefix("localhost")
    at_home = rest.removeprefix("/") if rest.startswith("/~/") else rest
    return _absolute(url, Path(os.fsdecode(unquote_to_bytes(os.fsencode(at_home)))))


class _Given:
    """The environment, with a variable's name in every complaint."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def checked(self, name: str, check: Callable[[str], str | None]) -> str | None:
        """The variable's text. ``check`` gives a hint where its form is wrong, else ``None``."""
        value = self.text(name)
        hint = check(value) if value else None
        if hint:
            raise UsageError(f"{name} cannot be {_shown(value)!r}", hint=hint)
        return value

    def number(self, name: str, default: int, *, least: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,18}", value) or int(value) < least:
            raise UsageError(f"{name} cannot be {value!r}", hint=f"Use a whole number, {least} or more.")
        return int(value)


def _durability(word: str) -> str | None:
    return None if word in {"group", "fsync", "memory"} else "Use group, fsync or memory."


def _on_or_off(word: str) -> str | None:
    return None if word in {"on", "off"} else "Use on or off."


def _rate(text: str) -> str | None:
    good = text == "off" or re.fullmatch(r"[1-9][0-9]{0,8}/(?:second|minute|hour|day)", text)
    return None if good else "Use 600/minute (or second, hour, day), or off."


def _bucket_url(url: str) -> str | None:
    return None if _names_a_path(url, _FILE) or _CLOUD_BUCKET.fullmatch(url) else _BUCKET_HINT


def _queue_url(url: str) -> str | None:
    sqs = url.startswith("sqs:") and _web_url(url.removeprefix("sqs:")) is None
    return None if sqs or _names_a_path(url, _SQLITE) else _QUEUE_HINT


def _history_url(url: str) -> str | None:
    if _SECRET.fullmatch(url):
        return None
    parts = _split(url)
    mysql = parts is not None and parts[0] == "mysql" and parts[1] and parts[2].strip("/")
    return None if mysql or _names_a_path(url, _SQLITE) else _HISTORY_HINT


def _web_url(url: str) -> str | None:
    parts = _split(url)
    return None if parts is not None and parts[0] in {"http", "https"} and parts[1] else "Use https://host/path."


def _names_a_path(url: str, scheme: str) -> bool:
    return url.startswith(scheme) and url.removeprefix(scheme) not in {"", "/"} and "\0" not in str(path_of(url))


def _split(url: str) -> tuple[str, str, str] | None:
    """Scheme, host and path; ``None`` where the text is no URL at all."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
        return parts.scheme, parts.hostname or "", parts.path
    except ValueError:
        return None


def _check_endpoints(bucket: str, given: _Given) -> None:
    for name in _ENDPOINTS.get(bucket.partition("://")[0], ()):
        given.checked(name, _web_url)


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(text.replace(",", " ").split())
    for origin in origins:
        parts = _split(origin)
        if parts is None or parts[0] not in {"http", "https"} or not parts[1] or parts[2]:
            raise UsageError(f"BYLINE_EMBED_ORIGINS cannot hold {origin!r}", hint="Use https://host, without a path.")
    return origins


def _absolute(name: str, path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"{name}: {path} names a home folder that is not known", hint="Write the path out.") from error


def _quoted(path: Path) -> str:
    return quote(os.fsencode(path))


def _shown(value: Any) -> Any:
    """A password inside a URL is not for showing."""
    return _PASSWORD.sub(r"\1:…@", value) if isinstance(value, str) else value


def child_environment(data: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a process of ours gets that must write nowhere but in ``data``: the environment without any of Byline's
    settings but that one."""
    kept = {name: value for name, value in environ.items() if not name.startswith("BYLINE_")}
    return {**kept, "BYLINE_DATA": str(data), "PYTHONIOENCODING": "utf-8"}
