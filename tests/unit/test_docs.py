"""The documentation is true: links resolve, and what exists is described. (Snippets run in the acceptance tests.)"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

import byline
from byline import errors
from byline.capture.claims import ClaimMap, GatewayVerified
from byline.capture.context import outgoing_headers
from byline.capture.jwt import JwtVerifier
from byline.capture.port import SinkStats
from byline.capture.recorder import RecorderStats
from byline.cli import app
from byline.integrations.sqlalchemy import track
from byline.model import query
from byline.settings import Settings
from byline.web import create_app
from byline.wiring import open_bucket, open_history
from tests import markdown
from tests.markdown import PAGES, ROOT, names

REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_resolve(page: Path) -> None:
    broken = [link for link in markdown.links(page.read_text()) if not resolves(page, link)]
    assert broken == []


def resolves(page: Path, link: str) -> bool:
    """Links to other sites are not followed: the tests need no network."""
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in markdown.anchors(target.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_json_in_the_documentation_is_json(page: Path) -> None:
    for block in markdown.blocks(page.read_text()):
        if block.mark == "json":
            json.loads(block.text)


EVERYWHERE = {"--data", "--json", "--help"}
"""Options that the page describes once, at its top."""


def commands(command: Any, typed: str = "byline") -> Iterator[tuple[str, set[str]]]:
    """Every command as it is typed, and its options. No type is named: which click typer uses is its own affair."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{typed} {name}")
    else:
        options = {text for parameter in command.params for text in parameter.opts if text.startswith("--")}
        yield typed, options - EVERYWHERE


def test_every_command_and_option_is_documented_and_every_documented_command_exists() -> None:
    described = markdown.sections((REFERENCE / "command-line.md").read_text(), 3)
    found = dict(commands(typer.main.get_command(app)))
    assert set(described) == {f"`{name}`" for name in found}
    missing = {name: {o for o in options if f"`{o}" not in described[f"`{name}`"]} for name, options in found.items()}
    assert {name: options for name, options in missing.items() if options} == {}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    pattern = re.compile(r"\bBYLINE_[A-Z_]+\b")
    read = set(pattern.findall((ROOT / "src/byline/settings.py").read_text()))
    assert read == set(pattern.findall((REFERENCE / "settings.md").read_text()))


def test_every_route_is_documented_and_every_documented_one_exists(tmp_path: Path) -> None:
    page = (REFERENCE / "http-api.md").read_text()
    settings = Settings.load(tmp_path, {})
    with closing(open_history(settings)) as history:
        paths = set(create_app(history, open_bucket(settings)).openapi()["paths"])
    assert {"/openapi.json", "/docs"} | paths == set(re.findall(r"^\| `(?:GET|POST|DELETE) (\S+)`", page, re.MULTILINE))


def test_every_filter_is_documented() -> None:
    page = (REFERENCE / "http-api.md").read_text()
    filters = {field.encode_name for field in msgspec.structs.fields(query.Query)} - {"after", "within"}
    assert [name for name in sorted(filters) if f"`{name}`" not in page] == []


def test_every_reason_of_a_dead_letter_is_documented() -> None:
    page = (REFERENCE / "dead-letters.md").read_text()
    assert [reason for reason in typing.get_args(errors.Reason) if f"| `{reason}` |" not in page] == []


def test_every_column_of_a_row_is_documented() -> None:
    page = (REFERENCE / "http-api.md").read_text()
    assert [name for name in query.ChangeRow.__struct_fields__ if f"`{name}`" not in page] == []


IMPORTED: dict[str, Callable[..., Any]] = {
    **{name: getattr(byline, name) for name in byline.__all__ if not name.startswith("_")},
    **{found.__name__: found for found in (ClaimMap, GatewayVerified, JwtVerifier, outgoing_headers, track)},
}
"""What services import: all of the façade, and what they give it as arguments."""


def test_every_name_that_services_import_is_documented_and_every_documented_one_exists() -> None:
    described = markdown.sections((REFERENCE / "capture.md").read_text(), 3)
    assert set(described) == {f"`{name}`" for name in IMPORTED}


@pytest.mark.parametrize("name", IMPORTED)
def test_every_argument_is_documented_and_every_documented_one_exists(name: str) -> None:
    section = markdown.sections((REFERENCE / "capture.md").read_text(), 3)[f"`{name}`"]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(
        inspect.signature(IMPORTED[name]).parameters
    )


def test_every_counter_is_documented() -> None:
    page = (REFERENCE / "recording.md").read_text()
    counters = {*RecorderStats.__struct_fields__, *SinkStats.__struct_fields__} - {"stream_id", "sink"}
    assert [name for name in sorted(counters) if f"`{name}`" not in page] == []


def test_every_target_that_is_named_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert named - targets == set()


def test_every_test_and_example_that_is_named_exists() -> None:
    named = {path for page in PAGES for path in re.findall(r"`((?:tests|examples)/[\w/.]+)`", page.read_text())}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
