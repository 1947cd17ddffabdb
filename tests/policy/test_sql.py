"""One policy as one SQL statement: what it says, what it carries along, and what it refuses."""

import duckdb
import pytest

from houfu.policy.document import shipped_policy
from houfu.policy.evaluate import evaluate
from houfu.policy.sql import select_statement

from .test_cases import CASES

NAMES = [term.name for term in shipped_policy().terms.inputs]


def relation(*rows: dict[str, int], columns: list[str] = NAMES) -> str:
    """Rows as a relation with a store_id of their place, s0 and on."""
    written = ", ".join(
        f"('s{nth}', {', '.join(str(row.get(name, 'NULL')) for name in columns)})"
        for nth, row in enumerate(rows)
    )
    return f"(SELECT * FROM (VALUES {written}) AS rows(store_id, {', '.join(columns)})) AS given"


def asked(sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def test_every_row_is_decided_and_what_is_kept_stands_before_the_answers() -> None:
    good = CASES[0]["inputs"]
    said = evaluate(shipped_policy(), good)
    rows = asked(select_statement(shipped_policy(), "duckdb", relation(good), keep=("store_id", "level")))
    assert rows == [("s0", good["level"], said.total, said.base, said.score, said.zeroed, said.mask)]


def test_two_policies_decide_in_one_pass_over_one_table() -> None:
    policy = shipped_policy()
    first = select_statement(
        policy, "duckdb", relation(CASES[0]["inputs"]), keep=("store_id", *NAMES), prefix="a_"
    )
    both = select_statement(
        policy, "duckdb", f"({first}) AS first", keep=("store_id", "a_total", "a_reasons"), prefix="b_"
    )
    said = evaluate(policy, CASES[0]["inputs"])
    (row,) = asked(f"SELECT store_id, a_total, a_reasons, b_total, b_reasons FROM ({both}) AS both_")
    assert row == ("s0", said.total, said.mask, said.total, said.mask)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, -1, 2**62])
def test_a_value_that_cannot_be_used_fails_the_statement_by_its_name(name: str, value: int | None) -> None:
    row = {key: number for key, number in (CASES[0]["inputs"] | {name: value}).items() if number is not None}
    with pytest.raises(duckdb.ConversionException, match=f"input {name}: "):
        asked(select_statement(shipped_policy(), "duckdb", relation(row)))


@pytest.mark.parametrize(
    "keep, prefix",
    [(('a" FROM secrets --',), ""), (("store_id",), "x; drop table "), (("total",), ""), (("a", "a"), "")],
)
def test_a_column_that_is_no_plain_name_or_meets_another_is_refused(
    keep: tuple[str, ...], prefix: str
) -> None:
    with pytest.raises(ValueError, match="column"):
        select_statement(shipped_policy(), "duckdb", "stores", keep=keep, prefix=prefix)
