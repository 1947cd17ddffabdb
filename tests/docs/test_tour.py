"""What the tours show is what a reader gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.page import ROOT, Block, blocks_of
from docs.session import normalised, run_page, start_of, steps_of

TOURS = ("docs/tour.md", "docs/guides/risk.md", "docs/guides/calendar.md", "README.md")
TRANSLATED = (("docs/tour.md", "docs/tour.zh-CN.md"), ("README.md", "README.zh-CN.md"))


def _blocks(page: str) -> list[Block]:
    return blocks_of((ROOT / page).read_text(encoding="utf-8"))


def _tour(page: str) -> list[Block]:
    """The blocks of a page from where the first service is started on."""
    blocks = _blocks(page)
    starts = [place for place, block in enumerate(blocks) if start_of(block.text) is not None]
    assert starts, f"{page} starts no service"
    return blocks[starts[0] :]


@pytest.mark.parametrize("page", TOURS)
def test_every_command_of_a_tour_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    steps = steps_of(_tour(page))
    printed = run_page([step.command.text for step in steps], tmp_path)
    assert len(printed) == len(steps), f"the shell ended early: {printed[-1]}"
    for step, output in zip(steps, printed, strict=True):
        assert normalised(output) == normalised(step.shown), f"{page}, line {step.command.line}"


@pytest.mark.parametrize(("english", "chinese"), TRANSLATED)
def test_both_languages_share_their_blocks(english: str, chinese: str) -> None:
    """So one run proves both. A drawing, which has no language, has words of its own."""
    assert [(block.language, block.text) for block in _blocks(english) if block.language] == [
        (block.language, block.text) for block in _blocks(chinese) if block.language
    ]


@pytest.mark.parametrize("page", TOURS)
def test_outputs_are_shown_as_they_were_printed(page: str) -> None:
    """No placeholder stands where an id was."""
    for block in _tour(page):
        assert "…" not in block.text and "..." not in block.text, f"{page}, line {block.line}"
        assert re.search(r"<(id|key|sha256|n|reference)>", block.text) is None, f"{page}, line {block.line}"


def test_the_service_of_a_tour_is_started_by_the_makefile() -> None:
    """What the tests run in place of `make serve` is what `make serve` runs."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nserve:\n")[2].partition("\n\n")[0]
    assert "houfu serve $(ARGS)" in recipe
