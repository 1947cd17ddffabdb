"""What `houfu ledger verify` proves of matched lines."""

import asyncpg
import pytest

from houfu.reconciliation.invariants import INVARIANTS
from reconciliation.programme import Programme, line, statement


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ("update line_matches set amount = amount + 1", "its net is 10000"),
        ("update bank_lines set amount = amount + 1", "the line of 10001"),
        ("update bank_lines set credit = true", "its net is 10000"),
        ("delete from bank_lines", "the line of nothing"),
    ],
)
async def test_a_match_that_does_not_agree_is_found(programme: Programme, harm: str, finding: str) -> None:
    (sent,) = await programme.payouts(10_000)
    await programme.take_up(statement(line(sent), line(sent, credit=True)))
    (sql,) = INVARIANTS.values()
    assert await programme.connection.fetch(sql, "a", "z") == []
    owner = await asyncpg.connect(programme.dsn)
    await owner.execute(harm)
    (row,) = await owner.fetch(sql, "a", "z")
    await owner.close()
    assert (row["store_id"], finding in row["finding"]) == ("s1", True)
