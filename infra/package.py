"""Builds the zips of the Lambda functions, without Docker: ``make package``.

The same sources and pins give the same bytes, whoever builds them: wheels come by name and hash, what differs from
machine to machine is left out, modules are compiled ahead (a cold start reads them as they are), and every file has
one date. Byline itself goes in as it stands in ``src``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PYTHON = "3.13"
"""What the functions declare in template.yaml."""

PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Of Amazon Linux 2023, by what AWS calls the architecture."""

_NO_ORM = (
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/oracle",
    "sqlalchemy/dialects/postgresql",
    "sqlalchemy/orm",
)

FUNCTIONS = {
    "processor": ("byline/cli", "byline/integrations", "byline/outbox", "byline/web", *_NO_ORM),
    "query": ("byline/cli", "byline/integrations", "byline/outbox", *_NO_ORM),
    "admin": ("byline/integrations", "byline/web"),
}
"""Every function, and the folders that it has no use for. Migrations need all of SQLAlchemy."""

_LEFT_OUT = (
    ".lock", "*.c", "*.pxd", "*.pyi", "*.pyx", "__pycache__", "bin", "sqlalchemy/testing", "zstandard/_cffi*",
    "*.dist-info/INSTALLER", "*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/direct_url.json",
    "*.dist-info/uv_cache.json",
)  # fmt: skip
"""What no function reads, or what tells of the machine that built it."""

_DATE = (1980, 1, 1, 0, 0, 0)
_COMPILE = "import compileall, py_compile, sys; sys.exit(not compileall.compile_dir({}))".format(
    "sys.argv[1], stripdir=sys.argv[1], quiet=2, force=True, workers=1, "
    "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH"
)


class Target(NamedTuple):
    """What a zip is built for."""

    architecture: str
    """As AWS calls it, or ``here`` for the machine that builds."""
    interpreter: str
    """A Python of the right release, which compiles; on ``here`` the one that will run it."""


class Trouble(Exception):
    """It cannot be built. The text says what to do."""


def build(
    function: str,
    target: Target,
    zip_file: Path,
    *,
    authorities: Path | None = None,
    source: Path = ROOT / "src/byline",
) -> None:
    """One zip. ``authorities``: a PEM file that goes in as ``rds-ca.pem``. ``source``: Byline itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _install(function, target, folder)
        left_out = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(source, folder / "byline", ignore=left_out)
        for part in FUNCTIONS[function]:
            shutil.rmtree(folder / part, ignore_errors=True)
        if authorities is not None:
            shutil.copyfile(authorities, folder / "rds-ca.pem")
        _prune(folder)
        _run([target.interpreter, "-I", "-c", _COMPILE, folder], "compile", PYTHONHASHSEED="0")
        _pack(folder, zip_file)


def _install(function: str, target: Target, folder: Path) -> None:
    where = ["--python", target.interpreter]
    if target.architecture != "here":
        where = ["--python-version", PYTHON, "--python-platform", PLATFORMS[target.architecture]]
    pins = ROOT / f"requirements/lambda-{function}.txt"
    command: list[str | Path] = [_uv(), "pip", "install", "--quiet", *where, "--target", folder, "--requirement", pins]
    _run([*command, "--require-hashes", "--no-deps", "--only-binary", ":all:"], f"install {pins.name}")


def _prune(folder: Path) -> None:
    for pattern in _LEFT_OUT:
        for found in [*folder.rglob(pattern)]:
            shutil.rmtree(found) if found.is_dir() else found.unlink()


def _pack(folder: Path, zip_file: Path) -> None:
    with zipfile.ZipFile(zip_file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, (folder / name).read_bytes())


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise Trouble("uv is not installed. Run: make setup")
    return found


def _run(command: Sequence[str | Path], what: str, **environ: str) -> None:
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"cannot {what}:\n{done.stdout}{done.stderr}".strip())


def find_python(release: str = PYTHON) -> str:
    """A Python of this release. Raises :class:`Trouble` where there is none."""
    tried = [sys.executable, f"python{release}", *_installed_by_uv(release)]
    probe = f"import sys; sys.exit('{release}' != '%d.%d' % sys.version_info[:2])"
    for candidate in tried:
        # A name on the PATH proves nothing: version switchers leave names behind that start no Python.
        path = shutil.which(candidate)
        if path and subprocess.run([path, "-I", "-c", probe], capture_output=True, check=False).returncode == 0:
            return path
    raise Trouble(
        f"the functions run on Python {release}, and only that can compile for them. Run: uv python install {release}"
    )


def _installed_by_uv(release: str) -> Iterator[str]:
    found = subprocess.run(
        [_uv(), "python", "find", "--no-project", "--managed-python", release],
        capture_output=True,
        text=True,
        check=False,
    )
    yield from found.stdout.split()


def release(folder: Path) -> str:
    """A name for what the folder holds: by its bytes."""
    from byline._version import __version__  # noqa: PLC0415

    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(f"{path.name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"byline-{__version__}-{digest.hexdigest()[:12]}"


def main() -> int:
    """Build what was asked for into ``build/lambda/RELEASE``, beside the templates."""
    parser = argparse.ArgumentParser(prog="make package", description="Build the zips of the Lambda functions.")
    parser.add_argument("--architecture", choices=PLATFORMS, action="append", help="only this one; by default both")
    parser.add_argument("--authorities", type=Path, help="RDS's CA bundle, a PEM file, for the stack's own Aurora")
    parser.add_argument("--output", type=Path, default=ROOT / "build/lambda")
    given = parser.parse_args()
    try:
        interpreter = find_python()
        targets = [Target(architecture, interpreter) for architecture in given.architecture or PLATFORMS]
        made = _build_all(targets, given.output, given.authorities)
    except (Trouble, OSError) as error:
        print(f"make package: {error}", file=sys.stderr)
        return 1
    for zip_file in sorted(made.glob("*.zip")):
        print(f"{zip_file.name:<24} {zip_file.stat().st_size / 1e6:6.1f} MB")
    if given.authorities is None:
        print("without rds-ca.pem: good for a database of yours; for the stack's own Aurora name --authorities FILE")
    print(f"next: aws s3 cp --recursive {made} s3://CODE-BUCKET/{made.name}")
    return 0


def _build_all(targets: Sequence[Target], output: Path, authorities: Path | None) -> Path:
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as name:
        folder = Path(name)
        for target in targets:
            for function in FUNCTIONS:
                build(function, target, folder / f"{function}-{target.architecture}.zip", authorities=authorities)
        for template in ("database.yaml", "template.yaml"):
            shutil.copyfile(ROOT / "infra" / template, folder / template)
        made = output / release(folder)
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(folder, made)
    return made


if __name__ == "__main__":
    sys.exit(main())
