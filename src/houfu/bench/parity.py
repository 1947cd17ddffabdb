"""Proof, before any figure, that what is measured says the same as the policy's Python function."""

from typing import Final

import duckdb
import msgspec

from houfu.policy.document import Policy
from houfu.policy.evaluate import evaluate
from houfu.policy.sql import ANSWERS

_EXAMPLES_MAX: Final = 3


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows were compared, how many of them differ, and a few of those in words."""

    compared: int
    differing: int
    examples: tuple[str, ...] = ()


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers there are, the sum of the limits in fen, and a sum over every bit of them."""

    stores: int
    limits: int
    fingerprint: str


def compare_with_python(policy: Policy, source: str, answers: str, *, rows: int, of: int) -> Parity:
    """About `rows` of the `of` stores in the Parquet file `source`, drawn by their id: what `answers` says of each,
    beside what Python says. A store without an answer differs."""
    inputs = [term.name for term in policy.terms.inputs]
    columns = ", ".join([*(f"drawn.{name}" for name in inputs), *(f"answers.{name}" for name in ANSWERS)])
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT store_id, {columns} "  # noqa: S608 - names of a checked policy
            "FROM (SELECT * FROM read_parquet($1) WHERE hash(store_id) % $2 = 0) AS drawn "
            "LEFT JOIN read_parquet($3) AS answers USING (store_id)",
            [source, max(of // rows, 1), answers],
        ).fetchall()
    wrong: list[str] = []
    for store, *values in found:
        said = evaluate(policy, dict(zip(inputs, values, strict=False)))
        mine = (said.total, said.base, said.score, said.zeroed, said.mask)
        if mine != (theirs := tuple(values[len(inputs) :])):
            wrong.append(f"{store}: Python says {mine}, the table {theirs}")
    return Parity(compared=len(found), differing=len(wrong), examples=tuple(wrong[:_EXAMPLES_MAX]))


def sums_of(answers: str) -> Sums:
    """What the answers come to, whatever their order and the layout of the file or files."""
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT count(*), sum(total), sum(hash(store_id, {', '.join(ANSWERS)})) "  # noqa: S608 - constants
            "FROM read_parquet($1)",
            [answers],
        ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return Sums(stores=row[0], limits=int(row[1] or 0), fingerprint=str(row[2] or 0))
