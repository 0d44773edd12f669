"""From a URL and the cloud's usual variables to a store of obstore's, and from its errors to ours."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from byline.errors import BucketError, UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# obstore reads the process's environment by itself. What is named here is passed on, so that settings made otherwise
# count too.
_AWS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
)
_AZURE = (
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
)
_GOOGLE = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_BEARER_TOKEN",
    "GOOGLE_BASE_URL",
)

_RETRIES: Any = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}

_NO_CREDENTIALS = (
    "No credentials were found: for s3:// set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), for gs:// "
    "GOOGLE_APPLICATION_CREDENTIALS, for az:// AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY."
)
_WRONG_CREDENTIALS = (
    "The credentials were refused: check that they are current, and meant for this bucket and endpoint."
)
_NOT_ALLOWED = "Let this account read, write and list the bucket (s3:GetObject, s3:PutObject, s3:ListBucket)."
_NO_BUCKET = "Create the bucket, or set BYLINE_BUCKET to the right one."
_REGION = "Set AWS_REGION to the bucket's region."
_ENDPOINT = "Check the network, and AWS_ENDPOINT_URL (or AZURE_STORAGE_ENDPOINT, GOOGLE_BASE_URL) where one is set."

_HINTS = (
    ("169.254.169.254", _NO_CREDENTIALS),
    ("NoSuchBucket", _NO_BUCKET),
    ("ContainerNotFound", _NO_BUCKET),
    ("InvalidAccessKeyId", _WRONG_CREDENTIALS),
    ("SignatureDoesNotMatch", _WRONG_CREDENTIALS),
    ("ExpiredToken", _WRONG_CREDENTIALS),
    ("InvalidToken", _WRONG_CREDENTIALS),
    ("AuthenticationFailed", _WRONG_CREDENTIALS),
    ("PermanentRedirect", _REGION),
    ("AuthorizationHeaderMalformed", _REGION),
    ("301 Moved", _REGION),
    ("error sending request", _ENDPOINT),
    ("builder error", _ENDPOINT),
)


class Place(NamedTuple):
    """Where a bucket URL leads."""

    scheme: str
    bucket: str
    prefix: str


def place_of(url: str) -> Place:
    """The parts of a URL that the settings have checked."""
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    return Place(scheme, bucket, prefix.strip("/"))


def open_store(place: Place, environ: Mapping[str, str], *, timeout: float) -> ObjectStore:
    """A store for the place; nothing is asked of it yet. ``timeout`` is for one request, in seconds, its body
    included."""
    options: Any = {"timeout": timedelta(seconds=timeout), "connect_timeout": timedelta(seconds=5)}
    arguments: dict[str, Any] = {
        "prefix": place.prefix or None,
        "client_options": options,
        "retry_config": _RETRIES,
    }
    try:
        if place.scheme == "s3":
            config = _chosen(environ, _AWS)
            options["allow_http"] = _plain(config, "aws_endpoint_url_s3", "aws_endpoint_url")
            return S3Store(place.bucket, config=config, **_profile(environ), **arguments)
        if place.scheme == "az":
            config = _chosen(environ, _AZURE)
            options["allow_http"] = _plain(config, "azure_storage_endpoint")
            return AzureStore(place.bucket, config=config, **arguments)
        config = _chosen(environ, _GOOGLE)
        options["allow_http"] = _plain(config, "google_base_url")
        return GCSStore(place.bucket, config=config, **arguments)
    except (BaseError, ValueError) as error:
        raise UsageError(f"cannot use the bucket {place.bucket}: {_first_line(error)}", hint=_NO_CREDENTIALS) from error


def _chosen(environ: Mapping[str, str], names: tuple[str, ...]) -> Any:
    return {name.lower(): environ[name] for name in names if environ.get(name)}


def _plain(config: Mapping[str, str], *names: str) -> bool:
    """Whether the endpoint that counts, the first that is set, is asked without TLS."""
    endpoint = next((config[name] for name in names if name in config), "")
    return endpoint.startswith("http://")


def _profile(environ: Mapping[str, str]) -> dict[str, Any]:
    """Credentials of a named profile, or of a Lambda function that wakes from a snapshot (it has an address to ask, and
    no keys): obstore leaves those, and how they are renewed, to boto3."""
    asks = environ.get("AWS_PROFILE") or environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if not asks or environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - boto3 is optional, and slow to load
    except ImportError as error:
        hint = "Install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead."
        raise UsageError("AWS_PROFILE is set, but reading profiles needs boto3", hint=hint) from error
    try:
        return {"credential_provider": Boto3CredentialProvider()}
    except Exception as error:
        raise UsageError(f"cannot use AWS_PROFILE: {error}", hint="Run `aws configure --profile NAME`.") from error


@contextmanager
def translated(what: str) -> Generator[None]:
    """Turn obstore's errors into :class:`~byline.errors.BucketError`; ``what`` reads like "list the bucket"."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise failed(what, error) from error


def failed(what: str, error: Exception) -> BucketError:
    """The store's error as ours: one line, and what to do."""
    text = str(error)
    hint = next((hint for sign, hint in _HINTS if sign in text), "")
    if not hint and isinstance(error, PermissionDeniedError | UnauthenticatedError):
        hint = _NOT_ALLOWED
    if not hint and isinstance(error, FileNotFoundError):
        hint = _NO_BUCKET
    if not hint and isinstance(error, InvalidPathError):
        hint = "Somebody else's object is in the way: rename or remove it, its key cannot be read."
    return BucketError(
        f"cannot {what}: {_first_line(error)}", hint=hint or "Try again; run `byline doctor` if it stays."
    )


def no_such_bucket(error: Exception) -> bool:
    """Whether the bucket itself is missing, rather than an object in it."""
    return any(sign in str(error) for sign in ("NoSuchBucket", "ContainerNotFound"))


def _first_line(error: Exception) -> str:
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text)
    line = re.split(r": <\?xml|\n", text, maxsplit=1)[0]
    return f"{line} ({code[1]})" if code else line
