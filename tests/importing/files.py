"""Import files of a small marketplace, as CSV and as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

STORES = (
    "store_id,name,owner_id,level,opened_on,phone_kind,category",
    "a1,小满衣橱,o1,3,2025-01-15,mobile,clothing",
    'a2,"Toys, and more",o2,5,2026-02-20,virtual,toys',
)
METRICS = (
    "store_id,month,orders,gmv,dsr_description,dsr_service,dsr_logistics,return_rate_bp,good_review_bp,complaint_bp",
    *(
        f"a1,{month},400,9000000,482,481,480,300,9850,8"
        for month in ("2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02")
    ),
)
ORDERS = (
    "store_id,order_id,buyer_id,amount,ordered_at,shipped_amount,repaid_amount,returned_amount",
    "a1,n1,b1,10000,2026-03-01T10:00:00+08:00,,,",
    "a1,n2,b2,20000,2026-02-01T10:00:00+08:00,20000,5000,",
    "a2,n3,b1,30000,2026-02-25T10:00:00+08:00,15000,15000,4000",
    "a2,n4,b3,90000000,2026-02-26T10:00:00Z,,,",
)


def write_csv(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def with_line(lines: Sequence[str], line: int, text: str) -> list[str]:
    """The lines with one replaced; lines count from 1, the head."""
    changed = list(lines)
    changed[line - 1] = text
    return changed


def write_parquet(path: Path, csv: Path, types: Mapping[str, str]) -> Path:
    """The CSV as Parquet, its columns of the named types, all others texts."""
    with duckdb.connect(":memory:") as connection:
        relation = connection.execute(
            "select column_name from (describe select * from read_csv($1, all_varchar=true))", [str(csv)]
        ).fetchall()
        columns = ", ".join(f"cast({name} as {types.get(name, 'varchar')}) as {name}" for (name,) in relation)
        connection.execute(
            f"copy (select {columns} from read_csv('{csv}', all_varchar=true)) to '{path}' (format parquet)"
        )
    return path
