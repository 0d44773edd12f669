"""Clients of AWS, made in one place, and their errors in words of ours. boto3 is imported here and nowhere else, and
only once AWS is to be asked something: it takes a quarter of a second.

Everything else is told by the usual variables: ``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_ACCESS_KEY_ID``,
``AWS_PROFILE`` and so on. What is named in ``environ`` wins over the process's own environment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from byline.errors import BylineError, UsageError

_CONNECT_SECONDS = 5
_READ_SECONDS = 35
"""Longer than a long poll, which may take 20."""
_ATTEMPTS = 5
_HURRIED_SECONDS = 2

_CREDENTIALS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), or give this machine a role."
_REFUSED = "The credentials were refused: check that they are current, and meant for this account and endpoint."
_BUSY = "AWS is busy or unwell: nothing was lost, try again."
_WAY = "Check the network, and AWS_ENDPOINT_URL where it is set."
_HINTS = {
    "AuthFailure": _REFUSED,
    "ExpiredToken": _REFUSED,
    "ExpiredTokenException": _REFUSED,
    "InvalidAccessKeyId": _REFUSED,
    "InvalidClientTokenId": _REFUSED,
    "SignatureDoesNotMatch": _REFUSED,
    "UnrecognizedClientException": _REFUSED,
}
_DENIED = {"AccessDenied", "AccessDeniedException", "403", "AuthorizationError", "UnauthorizedOperation"}
_MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket", "404"} | {
    "ResourceNotFoundException"
}


class Trouble(NamedTuple):
    """What AWS answered instead, in a sentence, and what to do."""

    sentence: str
    hint: str
    denied: bool = False
    """This role may not ask that: the answer is not known."""
    missing: bool = False
    """What was asked about is not there."""


def client(service: str, environ: Mapping[str, str], *, region: str | None = None, hurried: bool = False) -> Any:
    """A client, which is safe from several threads; nothing is asked of AWS yet. ``region`` is for where the variables
    name none. ``hurried``: a call is tried once, and given up after seconds.

    Raises :class:`~byline.errors.UsageError` where no region can be told, a profile is not there, or boto3 is not
    installed."""
    try:
        import boto3  # noqa: F401, PLC0415 - see above
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import NoRegionError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = "Install it: pip install 'byline[server,aws]'."
        raise UsageError(f"{service} of AWS needs the library {error.name}", hint=hint) from error
    config = Config(
        connect_timeout=_HURRIED_SECONDS if hurried else _CONNECT_SECONDS,
        read_timeout=_HURRIED_SECONDS if hurried else _READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1 if hurried else _ATTEMPTS},
        # A link names its host for good, and the one without a region does not lead to a bucket that is new.
        s3={"addressing_style": "path" if endpoint_of(service, environ) else "virtual"},
        # Of links to objects: the older way, which some regions still get, does not work with keys of KMS.
        signature_version="s3v4" if service == "s3" else None,
    )
    try:
        with _lock:  # making clients is not safe from several threads
            session = _session(
                environ.get("AWS_ACCESS_KEY_ID") or None,
                environ.get("AWS_SECRET_ACCESS_KEY") or None,
                environ.get("AWS_SESSION_TOKEN") or None,
                environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or region,
                _profile(environ),
            )
            return session.client(service, endpoint_url=endpoint_of(service, environ), config=config)
    except Exception as error:
        if not (is_error(error) or isinstance(error, ValueError)):
            raise
        hint = "Set AWS_REGION." if isinstance(error, NoRegionError) else "Check AWS_PROFILE and AWS_ENDPOINT_URL."
        raise UsageError(f"cannot speak to {service} of AWS: {error}", hint=hint) from error


_lock = threading.Lock()


@lru_cache(maxsize=4)
def _session(key: str | None, secret: str | None, token: str | None, region: str | None, profile: str | None) -> Any:
    """One for each identity: it keeps the descriptions of services, which take a tenth of a second to read."""
    import boto3  # noqa: PLC0415 - see above

    return boto3.session.Session(
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name=region,
        profile_name=profile,
    )


def endpoint_of(service: str, environ: Mapping[str, str]) -> str | None:
    """Another address than AWS's own for this service, where one is set."""
    return environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL") or None


def is_error(error: BaseException) -> bool:
    """Whether a client raised it, about AWS or the way to it."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    return isinstance(error, (BotoCoreError, ClientError))


@contextmanager
def translated(raising: Callable[[str, str], BylineError], *, denied: str = "", missing: str = "") -> Generator[None]:
    """Turn a client's errors into ours: ``raising`` makes one of a sentence and a hint. See :func:`trouble`."""
    try:
        yield
    except Exception as error:
        if not is_error(error):
            raise
        found = trouble(error, denied=denied, missing=missing)
        raise raising(found.sentence, found.hint) from error


def code_of(error: BaseException) -> str:
    """The code of AWS's answer; empty where there was none."""
    return _said(error)[0]


def trouble(error: BaseException, *, denied: str = "", missing: str = "") -> Trouble:
    """An error of a client in one sentence; ``denied`` and ``missing`` say what to do where this role may not do that,
    and where it is not there."""
    code, said = _said(error)
    sentence = f"{said} ({code})" if code not in said else said
    if code in _DENIED:
        return Trouble(sentence, denied or "Let this role do it.", denied=True)
    if code in _MISSING:
        return Trouble(sentence, missing or "Check that its name is right, and its region.", missing=True)
    return Trouble(sentence, _hint(error, code))


def _said(error: BaseException) -> tuple[str, str]:
    """The code of AWS's answer, empty where there was none, and one line."""
    answer = getattr(error, "response", None)
    told = answer.get("Error", {}) if isinstance(answer, dict) else {}
    code = str(told.get("Code", ""))
    return code, str(told.get("Message") or code or error).strip().partition("\n")[0]


def _hint(error: BaseException, code: str) -> str:
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415

    if isinstance(error, NoCredentialsError):
        return _CREDENTIALS
    return _HINTS.get(code, _BUSY if code else _WAY)


def _profile(environ: Mapping[str, str]) -> str | None:
    """Keys that are given win over a profile, as everywhere with AWS."""
    return None if environ.get("AWS_ACCESS_KEY_ID") else environ.get("AWS_PROFILE") or None
