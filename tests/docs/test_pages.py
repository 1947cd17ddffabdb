"""What holds of every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.page import ROOT, blocks_of, name_of, pages, prose_of

PAGES = pages()
IDS = [name_of(page) for page in PAGES]
of_every_page = pytest.mark.parametrize("page", PAGES, ids=IDS)

RULES = frozenset(
    f"{letter}{number}"
    for letter, last in {"A": 10, "B": 14, "C": 5, "D": 11, "E": 6}.items()
    for number in range(1, last + 1)
)
"""The programme's rules. An id lives for ever."""

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<target>[^)\s]+)\)")
_RULE = re.compile(r"(?<![\w.-])[A-E][1-9][0-9]?(?![\w-])")
_MACHINE = re.compile(r"(?<![\w.])/(work|home|root|Users|private|var/folders)/|/tmp/(?!houfu-<)|[A-Z]:\\")


def _anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have."""
    headings = re.findall(
        r"^#{1,6} +(.+?) *$", prose_of(page.read_text(encoding="utf-8")), flags=re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@of_every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.finditer(prose_of(page.read_text(encoding="utf-8"))):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        reached = (page.parent / target).resolve() if target else page
        assert reached.is_relative_to(ROOT), f"{link[0]} leaves the repository"
        assert reached.exists(), f"{link[0]} leads nowhere"
        assert not anchor or anchor in _anchors(reached), f"{link[0]} names a heading that is not there"


@of_every_page
def test_fences_are_closed(page: Path) -> None:
    blocks_of(page.read_text(encoding="utf-8"))


@of_every_page
def test_rules_are_cited_by_ids_that_exist(page: Path) -> None:
    assert set(_RULE.findall(page.read_text(encoding="utf-8"))) <= RULES


def test_the_source_cites_rules_that_exist() -> None:
    cited = {
        (name_of(file), rule)
        for file in (ROOT / "src").rglob("*.py")
        for comment in re.findall(r"\((?:[A-E][0-9]+(?:, |\)))+", file.read_text(encoding="utf-8"))
        for rule in _RULE.findall(comment)
    }
    assert cited
    assert {(file, rule) for file, rule in cited if rule not in RULES} == set()


@of_every_page
def test_no_path_of_a_machine_is_mentioned(page: Path) -> None:
    assert _MACHINE.search(page.read_text(encoding="utf-8")) is None


@of_every_page
def test_a_page_has_one_title_and_it_comes_first(page: Path) -> None:
    prose = prose_of(page.read_text(encoding="utf-8"))
    assert prose.startswith("# ")
    assert len(re.findall(r"^# ", prose, flags=re.MULTILINE)) == 1


def test_every_page_is_on_the_map() -> None:
    """docs/index.md links every page below docs; decisions may be reached through their folder."""
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / link["target"].partition("#")[0]).resolve()
        for link in _LINK.finditer(index.read_text(encoding="utf-8"))
    }
    missing = [
        name_of(page)
        for page in PAGES
        if page.is_relative_to(index.parent)
        and page != index
        and page not in linked
        and page.parent not in linked
    ]
    assert missing == []
