"""The pages of the documentation, and as much of Markdown as their tests read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def names(pages: list[Path]) -> list[str]:
    """As they are written in this repository."""
    return [str(page.relative_to(ROOT)) for page in pages]


class Block(NamedTuple):
    """A fenced block: what stands behind its fence, and its text."""

    mark: str
    text: str


_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def blocks(page: str) -> list[Block]:
    return [Block(mark.strip(), text) for mark, text in _FENCED.findall(page)]


def links(page: str) -> list[str]:
    prose = re.sub(r"`[^`\n]*`", "", _FENCED.sub("", page))
    return _LINK.findall(prose)


def sections(page: str, level: int) -> dict[str, str]:
    """The text behind each heading of a level, up to the next heading of that level or above."""
    parts = re.split(rf"^(#{{1,{level}}}) +(.+?) *$", page, flags=re.MULTILINE)
    return {title: text for marks, title, text in zip(*[iter(parts[1:])] * 3, strict=True) if len(marks) == level}


def anchors(page: str) -> set[str]:
    """Of the headings, as GitHub makes them: lower case, punctuation gone, blanks to hyphens."""
    headings = _HEADING.findall(_FENCED.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def matches(shown: str, printed: str) -> bool:
    """Whether the lines that a page shows stand in what was printed, in this order.

    ``…`` stands for anything, and blanks count as one: a page shows a table with blanks, a pipe gets it with tabs.
    """
    lines: Iterator[str] = (" ".join(line.split()) for line in printed.splitlines())
    wanted = [" ".join(line.split()) for line in shown.splitlines() if line.strip() not in {"", "…"}]
    return all(any(_like(want, line) for line in lines) for want in wanted)


def _like(want: str, line: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, want.split("…"))), line) is not None
