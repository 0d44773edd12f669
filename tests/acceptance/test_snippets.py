"""The snippets of the documentation run, with the real executable, and print what their page says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import markdown
from tests.markdown import PAGES, ROOT, names

RUN = {"sh", "python"}
RUNNING = [page for page in PAGES if any(block.mark in RUN for block in markdown.blocks(page.read_text()))]

SERVICE = """
from fastapi import FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
app = FastAPI()
Session = sessionmaker(create_engine("sqlite:///service.db"))
"""
"""What a reader has who comes with a service of his own, and what the pages take as given."""

ONE_BY_ONE = """
import sys
page = {"__name__": "page"}
for line in sys.stdin:
    exec(eval(line), page)
    print(sys.argv[1], flush=True)
"""
"""Runs blocks in one process, each from a line that holds it as a literal, and says when each is done."""
DONE = "— the block is done —"


def test_the_readme_and_the_tutorials_have_snippets_that_run() -> None:
    tutorials = {name for name in names(PAGES) if name.startswith("docs/tutorial/")}
    assert {"README.md"} | tutorials <= set(names(RUNNING))


@pytest.mark.parametrize("page", RUNNING, ids=names(RUNNING))
def test_snippets_run_and_print_what_the_page_says(page: Path, tmp_path: Path, interpreter: Interpreter) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    printed = ""
    for block in markdown.blocks(page.read_text()):
        if block.mark == "sh":
            printed = run(block.text, tmp_path)
        elif block.mark == "python":
            printed = interpreter.run(block.text)
        elif block.mark == "text" and printed:
            assert markdown.matches(block.text, printed), printed
            printed = ""
    interpreter.end()


def run(script: str, folder: Path) -> str:
    """Run a snippet as its reader would."""
    done = subprocess.run(
        ["sh", "-e"], input=script, cwd=folder, env=environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Interpreter:
    """Runs the Python blocks of a page, one after the other, inside of a service."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", ONE_BY_ONE, DONE],
            cwd=folder,
            env=environ({"BYLINE_SERVICE": "shop"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started = False

    def run(self, snippet: str) -> str:
        """What the snippet prints."""
        if not self._started:
            self._started = True
            self.run(SERVICE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{snippet!r}\n")
        self._process.stdin.flush()
        printed = ""
        for line in self._process.stdout:
            if line.strip() == DONE:
                return printed
            printed += line
        raise AssertionError(f"{snippet}\n{printed}")

    def end(self) -> None:
        output, _ = self._process.communicate()
        assert self._process.returncode == 0, output

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def interpreter(tmp_path: Path) -> Iterator[Interpreter]:
    made = Interpreter(tmp_path)
    yield made
    made.kill()


def environ(more: Mapping[str, str] = {}) -> dict[str, str]:
    """The real executable, first on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "200", **more}
