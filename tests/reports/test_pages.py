"""Reports stand alone: no request, no foreign script, every figure in a table, both languages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from houfu.policy.advice import advise
from houfu.policy.backtest import backtest
from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.explain import explain
from houfu.policy.rehearsal import Rehearsal
from houfu.reports.backtest import EFFECT_WORDS, backtest_page
from houfu.reports.page import ECHARTS
from houfu.reports.waterfall import waterfall_page

CASES = Path(__file__).parents[1] / "policy" / "cases" / "policy.json"
EVIL = "</script><script>alert(1)</script>"


class Seen(HTMLParser):
    """What a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.policy = ""
        self.text: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.addresses += [str(given[name]) for name in ("src", "href", "action") if name in given]
        self.handlers += [name for name in given if name.startswith("on")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        self._inside = tag if tag not in ("meta", "link", "input") else self._inside
        if tag == "script":
            self._inside = f"script {given.get('type', '')}"
            if self._inside == "script ":
                self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._inside.startswith(tag):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script ":
            self.scripts[-1] += data
        elif not self._inside.startswith(("script", "style")):
            self.text.append(data)


def inputs() -> dict[str, int]:
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    return dict((cases if isinstance(cases, list) else cases["cases"])[0]["inputs"])


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    text = (
        shipped_text()
        .replace("version: 1\n", "version: 2\n", 1)
        .replace("base * 2000 //", "base * 2500 //", 1)
    )
    text = text.replace("en: the newest month's return rate is over 15%", f'en: "over 15% {EVIL}"', 1)
    given = ", ".join(f"{value}::BIGINT as {name}" for name, value in inputs().items())
    file = tmp_path / "history.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 'S' || i as store_id, (date '2026-01-05' + to_months((i % 3)::integer))::date as as_of, "
            f"'{EVIL}' as category, 5000000 as ordered_month, {given} from range(12) t(i)) to '{file}' (format parquet)"
        )
    return backtest(shipped_policy(), load_policy(text), file)


@pytest.fixture
def pages(rehearsal: Rehearsal) -> dict[str, str]:
    explanation = explain(shipped_policy(), inputs())
    advice = advise(shipped_policy(), inputs(), today=date(2026, 3, 2))
    return {"backtest": backtest_page(rehearsal), "waterfall": waterfall_page(explanation, advice)}


@pytest.mark.parametrize("name", ["backtest", "waterfall"])
def test_a_page_asks_for_nothing_and_runs_only_its_own_scripts(pages: dict[str, str], name: str) -> None:
    seen = Seen()
    seen.feed(pages[name])
    assert seen.addresses == ["data:,"]
    assert seen.handlers == []
    assert seen.policy.startswith("default-src 'none';")
    allowed = re.findall(r"'sha256-([^']+)'", seen.policy)
    assert "unsafe-inline" not in seen.policy.split("script-src")[1]
    assert [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in seen.scripts
    ] == allowed
    assert len(seen.scripts) == 2
    assert not {"iframe", "object", "embed", "base", "form", "img"} & set(seen.tags)


def test_what_stands_in_the_history_or_the_policy_is_text_not_markup(pages: dict[str, str]) -> None:
    assert EVIL not in pages["backtest"]
    assert "&lt;script&gt;alert(1)" in pages["backtest"]


def test_the_figures_stand_in_tables(pages: dict[str, str], rehearsal: Rehearsal) -> None:
    seen = Seen()
    seen.feed(pages["backtest"])
    text = " ".join(seen.text)
    assert f"{rehearsal.whole.rows:,}" in text
    assert f"{rehearsal.whole.exposure_b // 100:,}" in text
    assert all(each.store_id in text for each in (*rehearsal.winners, *rehearsal.losers))
    assert all(rule.code in text for rule in rehearsal.rules)
    assert "rating_boost: 20% → 25% of the base" in text
    assert "基础额度的20% → 25%" in text


def test_the_waterfall_shows_every_step_and_every_advice(pages: dict[str, str]) -> None:
    explanation = explain(shipped_policy(), inputs())
    seen = Seen()
    seen.feed(pages["waterfall"])
    text = " ".join(seen.text)
    for step in explanation.waterfall:
        assert step.label_zh in text
        assert step.label_en in text
    for advice in advise(shipped_policy(), inputs(), today=date(2026, 3, 2)):
        assert advice.message_zh in text
        assert str(advice.when) in text


def test_the_charts_are_apache_echarts_with_its_licence() -> None:
    folder = files("houfu.reports").joinpath(ECHARTS.rsplit("/", 1)[0])
    assert "Apache License" in folder.joinpath("LICENSE").read_text(encoding="utf-8")
    assert "Apache ECharts" in folder.joinpath("NOTICE").read_text(encoding="utf-8")
    assert {"base", "reduction", "layer", "cap", "rounding", "zero", "refer", "partner", "step"} == set(
        EFFECT_WORDS
    )
