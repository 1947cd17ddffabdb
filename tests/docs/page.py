"""The project's pages as tests read them: their fenced blocks, their links, their prose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,})(?P<language>[^\s`]*)[^`]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language (may be empty), its text without the fences, the line it opens on."""

    language: str
    text: str
    line: int


class FenceOpen(ValueError):
    """A fence that is never closed; the message names its line."""


def pages() -> list[Path]:
    """Every page: the READMEs, the changelog, everything below docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """How a page is called in a failure."""
    return str(page.relative_to(ROOT))


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page, in order. FenceOpen for one that does not end."""
    return _split(text)[0]


def prose_of(text: str) -> str:
    """A page without its fenced blocks."""
    return _split(text)[1]


def code_spans_of(text: str) -> list[str]:
    """What stands between single backticks outside of fenced blocks."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose_of(text))


def _split(text: str) -> tuple[list[Block], str]:
    blocks: list[Block] = []
    prose: list[str] = []
    inside: list[str] = []
    opened: tuple[str, str, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None and fence is not None:
            opened = (fence["marks"], fence["language"], number)
            inside = []
        elif opened is not None and line.strip() == opened[0]:
            blocks.append(Block(opened[1], "\n".join(inside), opened[2]))
            opened = None
        elif opened is not None:
            inside.append(line)
        else:
            prose.append(line)
    if opened is not None:
        raise FenceOpen(f"the fence that opens on line {opened[2]} is never closed")
    return blocks, "\n".join(prose)
