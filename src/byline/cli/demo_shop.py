"""The shop of ``byline demo``: the services of ``examples``, in processes of their own, and a morning's traffic."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

import byline
from byline.errors import BylineError, Unreachable
from byline.settings import Settings, child_environment

REFUND: Final = "7f3d0c1e-9a4b-4c6d-8e2f-5b1a7d9c0e42"
"""The request id of the shop's refund (``examples/shop/traffic.py``)."""
EVENTS: Final = 23
CHANGES: Final = 69
"""What the morning comes to."""

_NEEDED: Final = {"cryptography": "cryptography", "httpx": "httpx", "jwt": "PyJWT"}
_PATIENCE: Final = 60.0


def play(settings: Settings) -> Iterator[str]:
    """Open the shop, let a morning pass, close it; gives a line for each call. All that its services record waits in
    the bucket of ``settings`` then. Raises :class:`~byline.errors.BylineError` where the shop cannot open or a call
    goes wrong."""
    _check()
    command = [sys.executable, "-m", "examples.shop", str(settings.data / "shop"), "--play"]
    with tempfile.TemporaryFile("w+") as complaints:
        # In a group of its own: Ctrl-C is ours, and the shop is then closed in peace.
        shop = subprocess.Popen(
            command,
            cwd=_home(),
            env=child_environment(settings.data),
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            process_group=0,
        )
        with shop:
            try:
                yield from _lines(shop)
            finally:
                _end(shop)
        if shop.returncode != 0:
            raise BylineError(f"the demo's shop failed: {_last(complaints)}", hint="That is a fault: report it.")


def _lines(shop: subprocess.Popen[str]) -> Iterator[str]:
    if shop.stdout is not None:
        for line in shop.stdout:
            yield line.rstrip()
    shop.wait(_PATIENCE)


def _end(shop: subprocess.Popen[str]) -> None:
    if shop.poll() is not None:
        return
    shop.terminate()
    try:
        shop.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        shop.kill()


def _last(complaints: IO[str]) -> str:
    complaints.seek(0)
    lines = complaints.read().split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it did not say why")


def _check() -> None:
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise Unreachable(
            f"the services of the demo need {' and '.join(missing)}", hint="Run: pip install 'byline[demo]'."
        )


def _home() -> Path:
    """The folder in which ``examples`` lies: inside of an installed package, or the checkout."""
    package = Path(byline.__file__).parent
    for folder in (package / "_examples", package.parents[1]):
        if (folder / "examples" / "shop" / "__main__.py").is_file():
            return folder
    raise Unreachable("this installation came without the demo's services", hint="Play the demo from a checkout.")
