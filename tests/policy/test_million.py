"""A million random stores, their inputs mostly at or beside an edge of a rule: Python and DuckDB agree on each."""

import duckdb

from houfu.policy.compile import compile_policy
from houfu.policy.document import Policy, shipped_policy
from houfu.policy.sql import select_statement

STORES = 1_000_000
CHUNK = 50_000
SEED = 20_260_302


def edges(policy: Policy) -> dict[str, list[int]]:
    """Each input's numbers at and beside the edges that the rules know."""
    marks = {
        0,
        1,
        10_000,
        5000,
        1500,
        480,
        460,
        440,
        9500,
        9800,
        50,
        10,
        200,
        500,
        1000,
        12,
        6,
        3,
        5,
    }
    near = {at + beside for at in marks for beside in (-1, 0, 1)}
    return {
        term.name: sorted({term.min, term.max} | {at for at in near if term.min <= at <= term.max})
        for term in policy.terms.inputs
    }


def drawn(policy: Policy) -> str:
    """A relation of random stores: half of the numbers from the edges, a quarter small, a quarter anywhere."""
    columns: list[str] = []
    for nth, (term, at) in enumerate(zip(policy.terms.inputs, edges(policy).values(), strict=True)):
        draw = f"(hash(i * 1000 + {nth} + {SEED}) >> 8)"
        anywhere = f"{term.min} + CAST({draw} % {term.max - term.min + 1} AS BIGINT)"
        small = f"{term.min} + CAST({draw} % {min(term.max - term.min + 1, 3_000_000)} AS BIGINT)"
        pick = f"hash(i * 1000 + {nth + 500} + {SEED}) % 4"
        listed = ", ".join(map(str, at))
        columns.append(
            f"CASE WHEN {pick} < 2 THEN list_extract([{listed}]::BIGINT[], CAST({draw} % {len(at)} AS BIGINT) + 1)"
            f" WHEN {pick} = 2 THEN {small} ELSE {anywhere} END AS {term.name}"
        )
    return f"(SELECT i AS store_id, {', '.join(columns)} FROM range({STORES}) AS r(i)) AS drawn"


def test_a_million_random_stores_decide_alike_row_by_row() -> None:
    policy = shipped_policy()
    names = [term.name for term in policy.terms.inputs]
    decide = compile_policy(policy).decide
    zeroing = sum(1 << policy.rules.codes.index(term.code) for term, _ in policy.rules.zero)
    applied = 0
    with duckdb.connect() as connection:
        found = connection.execute(
            select_statement(policy, "duckdb", drawn(policy), keep=("store_id", *names))
        )
        seen = 0
        while rows := found.fetchmany(CHUNK):
            for row in rows:
                total, base, score, _, mask, _ = decide(dict(zip(names, row[1:-5], strict=True)))
                assert row[-5:] == (total, base, score, mask & zeroing != 0, mask), f"store {row[0]}"
                applied |= mask
            seen += len(rows)
    assert seen == STORES
    assert applied == (1 << len(policy.rules.codes)) - 1, "every rule applied to some store"
