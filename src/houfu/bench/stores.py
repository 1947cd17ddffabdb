"""Stores to decide about: as many as it takes, alike those of a marketplace, the same for the same seed."""

from datetime import date
from pathlib import Path
from typing import Final

import duckdb

CATEGORIES: Final = ("apparel", "home", "food", "beauty", "electronics", "toys", "sports", "books")

_DRAWN: Final = """
    SELECT
      n,
      CASE WHEN {die0} % 100 < 35 THEN 1 WHEN {die0} % 100 < 60 THEN 2 WHEN {die0} % 100 < 78 THEN 3
           WHEN {die0} % 100 < 90 THEN 4 WHEN {die0} % 100 < 96 THEN 5 ELSE 6 + {die1} % 15 END AS level,
      CASE WHEN {die2} % 100 < 4 THEN 0 ELSE 1 + {die2} % (12 + {die3} % 108) END AS months_open,
      (1000 + {die4} % 9000) << (3 + LEAST(level, 5) + {die5} % 9) AS gmv_month,
      CASE WHEN {die6} % 100 < 5 THEN 300 ELSE 440 END AS dsr_least,
      CASE WHEN {die7} % 100 < 10 THEN 1400 ELSE 100 END AS returns_least
    FROM range({count}) AS numbers(n)
"""
"""What the inputs of a store have in common."""

_INPUTS: Final = {
    "level": "level",
    "months_open": "months_open",
    "gmv_months": "LEAST(GREATEST(months_open, 1), 3)",
    "gmv_3m": "gmv_month * gmv_months",
    "gmv_12m": "gmv_month * LEAST(GREATEST(months_open, 1), 12) * (80 + {die8} % 40) // 100",
    "orders_avg_3m": "gmv_month // (3000 + {die9} % 20000)",
    "dsr_description": "dsr_least + {die10} % 61",
    "dsr_service": "dsr_least + {die11} % 61",
    "dsr_logistics": "dsr_least + {die12} % 61",
    "dsr_held_months": "CASE WHEN LEAST(dsr_description, dsr_service, dsr_logistics) >= 480 "
    "THEN LEAST(months_open, {die13} % 24) ELSE 0 END",
    "orders_held_months": "CASE WHEN orders_avg_3m > 500 THEN LEAST(months_open, {die14} % 12) ELSE 0 END",
    "return_rate_m1_bp": "returns_least + {die15} % 1200",
    "return_rate_m2_bp": "returns_least + {die16} % 1200",
    "return_rate_m3_bp": "returns_least + {die17} % 1200",
    "good_review_bp": "9200 + {die18} % 801",
    "complaint_bp": "{die19} % 70",
    "violations_12m": "CASE WHEN {die20} % 100 < 15 THEN 1 + {die20} % 4 ELSE 0 END",
    "serious_violation": "CASE WHEN {die21} % 1000 < 3 THEN 1 ELSE 0 END",
    "high_risk": "CASE WHEN {die21} % 1000 >= 990 THEN 1 ELSE 0 END",
    "funds_frozen": "CASE WHEN {die22} % 1000 < 5 THEN 1 ELSE 0 END",
    "virtual_phone": "CASE WHEN {die22} % 1000 >= 970 THEN 1 ELSE 0 END",
    "course_active": "CASE WHEN {die23} % 100 < 20 THEN 1 ELSE 0 END",
    "promotion_open": "CASE WHEN {die23} % 100 >= 75 THEN 1 ELSE 0 END",
    "day_withdrawn_share_bp": "CASE WHEN {die24} % 100 < 40 THEN {die25} % 5100 ELSE 0 END",
    "emergency": "CASE WHEN {die26} % 1000 < 5 THEN 10000 * (1 + {die25} % 500) ELSE 0 END",
}
"""The inputs of the shipped policy; one may read those above it."""

_DICE: Final = 27

STORES_MAX: Final = 10**8
"""Ids have eight digits."""


def write_stores(
    path: Path,
    count: int,
    *,
    seed: int = 0,
    as_of: date | None = None,
) -> None:
    """Write `count` stores with the inputs of the shipped policy to a Parquet file: text and 64-bit integers.

    With `as_of` they are snapshots of that day for a backtest: it stands behind the id, with the category that the
    store sells in and what it sold on pay-later in the month after. A store's inputs depend on `seed` and its number
    alone; the same DuckDB gives the same.
    """
    target = str(path).replace("'", "''")
    statement = stores_statement(count, seed=seed, as_of=as_of)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({statement}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def stores_statement(count: int, *, seed: int = 0, as_of: date | None = None) -> str:
    """The SELECT that gives the rows of `write_stores`."""
    # A hash of 64 bits less 34 leaves enough for every remainder, and room for what is added.
    dice = {f"die{nth}": f"(hash(n, {seed * _DICE + nth}) >> 34)::BIGINT" for nth in range(_DICE)}
    columns = ["'s-' || lpad(n::VARCHAR, 8, '0') AS store_id"]
    if as_of is not None:
        names = ", ".join(f"'{name}'" for name in CATEGORIES)
        columns.append(f"DATE '{as_of.isoformat()}' AS as_of")
        columns.append(f"([{names}])[1 + n % {len(CATEGORIES)}] AS category")
        columns.append("gmv_month * ({die8} % 40) // 100 AS ordered_month")
    columns += [f"({text})::BIGINT AS {name}" for name, text in _INPUTS.items()]
    drawn = _DRAWN.format(count=count, **dice)
    return f"SELECT {', '.join(columns).format(**dice)} FROM ({drawn}) AS drawn"  # noqa: S608 - constants and numbers
