"""Drawn stores are ones that the shipped policy has something to say about."""

from datetime import date
from pathlib import Path

import duckdb

from houfu.bench.stores import CATEGORIES, stores_statement, write_stores
from houfu.policy.document import shipped_policy
from houfu.policy.evaluate import evaluate

INPUTS = [term.name for term in shipped_policy().terms.inputs]


def rows(count: int, seed: int = 0) -> list[dict[str, int]]:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {', '.join(INPUTS)} FROM ({stores_statement(count, seed=seed)})")
        return [dict(zip(INPUTS, row, strict=True)) for row in found.fetchall()]


def test_every_reason_of_the_policy_occurs_and_most_stores_have_a_limit() -> None:
    decisions = [evaluate(shipped_policy(), inputs) for inputs in rows(20_000)]
    reasons = {reason.code for decision in decisions for reason in decision.reasons}
    assert reasons == set(shipped_policy().rules.codes)
    assert sum(decision.total > 0 for decision in decisions) > len(decisions) // 2


def test_a_seed_gives_the_same_stores_however_many_and_another_gives_others() -> None:
    assert rows(50) == rows(80)[:50]
    assert rows(50) != rows(50, seed=1)


def test_snapshots_are_the_same_stores_with_a_day_a_category_and_orders(tmp_path: Path) -> None:
    write_stores(tmp_path / "stores.parquet", 40, seed=3)
    write_stores(tmp_path / "snapshots.parquet", 40, seed=3, as_of=date(2026, 1, 1))
    with duckdb.connect() as connection:
        day, categories, least_ordered = (
            connection.execute(
                "SELECT any_value(as_of), count(DISTINCT category), min(ordered_month) FROM read_parquet(?)",
                [str(tmp_path / "snapshots.parquet")],
            ).fetchone()
            or ()
        )
        apart = connection.execute(
            "SELECT count(*) FROM (FROM read_parquet($1) EXCEPT "
            "SELECT * EXCLUDE (as_of, category, ordered_month) FROM read_parquet($2))",
            [str(tmp_path / "stores.parquet"), str(tmp_path / "snapshots.parquet")],
        ).fetchone()
    assert (day, categories) == (date(2026, 1, 1), len(CATEGORIES))
    assert least_ordered >= 0
    assert apart == (0,)
