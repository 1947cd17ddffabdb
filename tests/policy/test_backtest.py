"""A backtest's figures, against a plain count in Python over the same rows."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pytest

from houfu.policy.backtest import SnapshotsUnfit, backtest, write_decisions
from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import Decision, evaluate
from houfu.policy.rehearsal import CHANGE_BANDS, Rehearsal, StoreChange, greatest

A = shipped_policy()
MONTHS = [date(2026, month, 5) for month in (1, 2, 3)]
Row = dict[str, object]


def version_2(*edits: tuple[str, str]) -> Policy:
    text = shipped_text().replace("version: 1\n", "version: 2\n", 1)
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return load_policy(text)


B = version_2(
    ("base * 2000 //", "base * 2500 //"),
    ("{at_most: 500, value: 10}", "{at_most: 300, value: 10}"),
    ("day_withdrawn_share_bp > 5000", "day_withdrawn_share_bp > 4000"),
    (
        "  - code: high_risk_marked\n    when: high_risk = 1",
        "  - code: high_risk_marked\n    when: high_risk = 1 AND level < 3",
    ),
)


def rows_of(count: int, seed: int = 7) -> list[Row]:
    draw = random.Random(seed)
    rows: list[Row] = []
    for nth in range(count):
        store, month = divmod(nth, len(MONTHS))
        row: Row = {"store_id": f"S{store:05d}", "as_of": MONTHS[month], "category": f"c{store % 4}"}
        for term in A.terms.inputs:
            row[term.name] = draw.randint(term.min, min(term.max, 20_000 if term.unit == "fen" else term.max))
        row |= {
            "gmv_3m": draw.randint(0, 90_000_000), "gmv_12m": draw.randint(0, 500_000_000),
            "months_open": draw.randint(0, 30), "level": draw.randint(1, 6), "orders_avg_3m": draw.randint(0, 900),
            "dsr_description": draw.randint(440, 500), "dsr_service": draw.randint(440, 500),
            "dsr_logistics": draw.randint(440, 500), "violations_12m": draw.randint(0, 1),
            "high_risk": int(draw.random() < 0.1), "serious_violation": int(draw.random() < 0.05),
            "day_withdrawn_share_bp": draw.randint(0, 5_500), "complaint_bp": draw.randint(0, 60),
            "ordered_month": draw.randint(0, 9_000_000),
        }  # fmt: skip
        for nth_month in (1, 2, 3):
            row[f"return_rate_m{nth_month}_bp"] = draw.randint(0, 1_700)
        rows.append(row)
    return rows


def parquet(path: Path, rows: list[Row], *, without: tuple[str, ...] = ()) -> Path:
    names = [name for name in rows[0] if name not in without]
    kinds = {"store_id": "VARCHAR", "as_of": "DATE", "category": "VARCHAR"}
    columns = ", ".join(
        f"unnest(${nth}::{kinds.get(name, 'BIGINT')}[]) AS {name}" for nth, name in enumerate(names, 1)
    )
    quoted = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {columns}) TO '{quoted}' (FORMAT parquet)",
            [[row[name] for row in rows] for name in names],
        )
    return path


def decided(policy: Policy, rows: list[Row]) -> list[Decision]:
    names = [term.name for term in policy.terms.inputs]
    return [evaluate(policy, {name: row[name] for name in names}) for row in rows]


def check(made: Rehearsal, rows: list[Row], a: list[Decision], b: list[Decision]) -> None:
    """The figures are what a plain count gives."""
    changes = [new.total - old.total for old, new in zip(a, b, strict=True)]
    whole = made.whole
    assert (whole.rows, whole.gain, whole.lose) == (
        len(rows),
        sum(change > 0 for change in changes),
        sum(change < 0 for change in changes),
    )
    assert whole.unchanged == sum(change == 0 for change in changes)
    assert whole.opened == sum(old.total == 0 < new.total for old, new in zip(a, b, strict=True))
    assert whole.closed == sum(old.total > 0 == new.total for old, new in zip(a, b, strict=True))
    assert whole.exposure_a == sum(decision.total for decision in a)
    assert whole.exposure_b == sum(decision.total for decision in b)
    assert (whole.raised, whole.lowered) == (
        sum(change for change in changes if change > 0),
        -sum(change for change in changes if change < 0),
    )
    assert whole.net == whole.raised - whole.lowered == sum(changes)
    short = [max(int(str(row["ordered_month"])) - old.total, 0) for row, old in zip(rows, a, strict=True)]
    assert whole.short_a == sum(short)
    for dimension, key in (("category", "category"), ("level", "level")):
        expected = Counter(str(row[key]) for row in rows)
        assert {part.value: part.effect.rows for part in made.segments[dimension]} == expected
    for parts in (made.moments, *made.segments.values()):
        assert sum(part.effect.net for part in parts) == whole.net
        assert sum(part.effect.lose for part in parts) == whole.lose
    counted = Counter(reason.code for decision in b for reason in decision.reasons)
    assert {rule.code: rule.b for rule in made.rules if rule.b} == counted
    counted = Counter(reason.code for decision in a for reason in decision.reasons)
    assert {rule.code: rule.a for rule in made.rules if rule.a} == counted
    bands = {band.band: band.rows for band in made.distribution}
    assert sum(bands.values()) == len(rows)
    assert bands["down_10_25"] == sum(
        old.total * 10 <= -change * 100 < old.total * 25 and new.total > 0
        for old, new, change in zip(a, b, changes, strict=True)
    )


def test_the_figures_are_what_a_plain_count_gives(tmp_path: Path) -> None:
    rows = rows_of(1500)
    a, b = decided(A, rows), decided(B, rows)
    made = backtest(A, B, parquet(tmp_path / "history.parquet", rows))
    check(made, rows, a, b)
    assert [part.value for part in made.moments] == ["2026-01-05", "2026-02-05", "2026-03-05"]
    assert made.whole.opened and made.whole.closed and made.whole.lose and made.whole.gain
    assert made.changes[0].path == "tables.return_points.bands[at_most 500]"
    assert len(made.distribution) == len(CHANGE_BANDS)


@pytest.mark.parametrize("sample_rows", [3, 60, 1_000_000])
def test_winners_and_losers_are_the_greatest_changes_however_they_were_guessed(
    tmp_path: Path, sample_rows: int
) -> None:
    rows = rows_of(600)
    rows.sort(key=lambda row: int(str(row["gmv_3m"])), reverse=sample_rows == 3)
    every = [
        StoreChange(store_id=str(row["store_id"]), as_of=MONTHS[MONTHS.index(row["as_of"])], a=old.total, b=new.total,
                    change=new.total - old.total)
        for row, old, new in zip(rows, decided(A, rows), decided(B, rows), strict=True)
    ]  # fmt: skip
    made = backtest(A, B, parquet(tmp_path / "history.parquet", rows), top=10, sample_rows=sample_rows)
    assert made.winners == greatest([each for each in every if each.change > 0], 10)
    assert made.losers == greatest([each for each in every if each.change < 0], 10)
    assert len({each.store_id for each in made.winners}) == 10


def test_a_policy_beside_itself_moves_nothing(tmp_path: Path) -> None:
    made = backtest(A, A, parquet(tmp_path / "history.parquet", rows_of(300)))
    assert made.whole.unchanged == made.whole.rows == 300
    assert (made.whole.net, made.changes, made.winners, made.losers) == (0, (), (), ())
    assert all(rule.a == rule.b for rule in made.rules)


def test_a_plain_table_of_inputs_is_a_history_too(tmp_path: Path) -> None:
    rows = rows_of(90)
    plain = parquet(tmp_path / "plain.parquet", rows, without=("as_of", "category", "ordered_month"))
    made = backtest(A, B, plain)
    whole = backtest(A, B, parquet(tmp_path / "history.parquet", rows))
    assert (made.moments, made.segments["category"], made.whole.short_a) == ((), (), None)
    assert (made.whole.net, made.segments["level"][0].effect.rows) == (
        whole.whole.net, whole.segments["level"][0].effect.rows
    )  # fmt: skip
    assert made.winners[0].as_of is None


def test_what_b_measures_in_another_way_has_a_column_of_its_own(tmp_path: Path) -> None:
    rows = rows_of(300)
    for row in rows:
        row["dsr_held_months__b"] = 0
        row["level__b"] = 1
    a = decided(A, rows)
    b = decided(B, [row | {"dsr_held_months": 0, "level": 1} for row in rows])
    made = backtest(A, B, parquet(tmp_path / "history.parquet", rows))
    check(made, rows, a, b)


def test_another_way_of_measuring_that_the_history_does_not_have_is_told(tmp_path: Path) -> None:
    other = version_2(("dsr_held_at_least: 480", "dsr_held_at_least: 470"))
    history = parquet(tmp_path / "history.parquet", rows_of(30))
    assert "measure inputs differently" in backtest(A, other, history).notes[0].en
    assert backtest(A, B, history).notes == ()


def test_rules_that_only_one_policy_has_are_counted_for_it_alone(tmp_path: Path) -> None:
    rule = "  - {code: too_young, when: months_open < 2, zh: 太新, en: too new, remedy_zh: 等待, remedy_en: wait}\n"
    other = version_2(("zero_rules:\n", f"zero_rules:\n{rule}"))
    rows = rows_of(300)
    history = parquet(tmp_path / "history.parquet", rows)
    young = sum(int(str(row["months_open"])) < 2 for row in rows)
    there = {made.code: made for made in backtest(A, other, history).rules}["too_young"]
    back = {made.code: made for made in backtest(other, A, history).rules}["too_young"]
    assert (there.a, there.b, there.effect) == (None, young, "zero")
    assert (back.a, back.b) == (young, None)


def test_an_input_with_a_stand_in_may_be_absent(tmp_path: Path) -> None:
    other = version_2(
        ("unit: flag, min: 0, max: 1, zh: 课程", "unit: flag, min: 0, max: 1, when_missing: 1, zh: 课程")
    )
    rows = rows_of(60)
    history = parquet(tmp_path / "history.parquet", rows, without=("course_active",))
    made = backtest(other, other, history)
    assert made.whole.exposure_b == sum(
        each.total for each in decided(A, [row | {"course_active": 1} for row in rows])
    )
    with pytest.raises(SnapshotsUnfit, match="lacks course_active: version 1 of taobao asks for it"):
        backtest(A, other, history)


UNFIT = [
    ({"level": 0}, "level is out of its range: 0"),
    ({"level": None}, "level is missing"),
]


@pytest.mark.parametrize(("broken", "said"), UNFIT)
def test_a_value_that_cannot_be_used_is_named(tmp_path: Path, broken: Row, said: str) -> None:
    rows = rows_of(30)
    rows[17] |= broken
    with pytest.raises(SnapshotsUnfit, match=said):
        backtest(A, B, parquet(tmp_path / "history.parquet", rows))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "it's.parquet"
    with pytest.raises(SnapshotsUnfit, match="cannot be read as Parquet"):
        backtest(A, B, other)
    other.write_text("store_id\n", encoding="utf-8")
    with pytest.raises(SnapshotsUnfit, match="cannot be read as Parquet"):
        backtest(A, B, other)


def test_every_decision_can_be_written_down(tmp_path: Path) -> None:
    rows = rows_of(90)
    out = tmp_path / "it's decided.parquet"
    assert write_decisions(A, B, parquet(tmp_path / "it's.parquet", rows), out) == 90
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT store_id, as_of, a_total, b_total, change, a_reasons, b_reasons FROM read_parquet(?) "
            "ORDER BY store_id, as_of",
            [str(out)],
        ).fetchall()
        kept = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(out)]).fetchall()
    expected = [
        (row["store_id"], row["as_of"], a.total, b.total, b.total - a.total, a.mask, b.mask)
        for row, a, b in zip(rows, decided(A, rows), decided(B, rows), strict=True)
    ]
    assert found == expected
    assert (b"policy_b", B.sha256.encode()) in [(bytes(key), bytes(value)) for key, value in kept]
