"""One meaning: random policies and random inputs decide alike in Python, DuckDB, PostgreSQL and Spark."""

from collections.abc import Generator
from typing import Any

import asyncpg
import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from houfu.policy.document import Policy, shipped_policy
from houfu.policy.engines.spark import open_spark
from houfu.policy.evaluate import evaluate
from houfu.policy.sql import select_statement

from .policies import random_policy, random_rows
from .test_cases import CASES

Row = dict[str, int]
Answer = tuple[int, int, int, bool, int]

ROWS = 150
BLOCKS = 4
POLICIES_A_BLOCK = 8
SPARK_POLICIES = 10


def in_python(policy: Policy, rows: list[Row]) -> list[Answer]:
    said = (evaluate(policy, row) for row in rows)
    return [(one.total, one.base, one.score, one.zeroed, one.mask) for one in said]


def columns(policy: Policy, rows: list[Row]) -> pa.Table:
    made = {term.name: pa.array([row[term.name] for row in rows], pa.int64()) for term in policy.terms.inputs}
    return pa.table({"store_id": pa.array(range(len(rows)), pa.int64()), **made})


def answers(found: list[tuple[Any, ...]]) -> list[Answer]:
    return [(row[1], row[2], row[3], row[4], row[5]) for row in sorted(found)]


def in_duckdb(policy: Policy, rows: list[Row], *, proven: bool) -> list[Answer]:
    names = [term.name for term in policy.terms.inputs] if proven else []
    with duckdb.connect() as connection:
        connection.register("given_stores", columns(policy, rows))
        found = connection.execute(
            select_statement(policy, "duckdb", "given_stores", proven=names)
        ).fetchall()
    return answers(found)


async def in_postgresql(connection: asyncpg.Connection, policy: Policy, rows: list[Row]) -> list[Answer]:
    names = [term.name for term in policy.terms.inputs]
    await connection.execute("DROP TABLE IF EXISTS given_stores")
    listed = ", ".join(f'"{name}" bigint' for name in ["store_id", *names])
    await connection.execute(f"CREATE TEMP TABLE given_stores ({listed})")
    await connection.copy_records_to_table(
        "given_stores",
        records=[(nth, *(row[name] for name in names)) for nth, row in enumerate(rows)],
        columns=["store_id", *names],
    )
    found = await connection.fetch(select_statement(policy, "postgresql", "given_stores"))
    return answers([tuple(row) for row in found])


@pytest.fixture(scope="module")
def spark() -> Generator[SparkSession]:
    with open_spark(remote=None, master="local[2]") as session:
        yield session


def in_spark(session: SparkSession, policy: Policy, rows: list[Row]) -> list[Answer]:
    session.createDataFrame(columns(policy, rows)).createOrReplaceTempView("given_stores")
    found = session.sql(select_statement(policy, "spark", "given_stores")).collect()
    return answers([tuple(row) for row in found])


@pytest.mark.parametrize("block", range(BLOCKS))
async def test_random_policies_decide_alike_in_python_duckdb_and_postgresql(
    database: str, block: int
) -> None:
    connection = await asyncpg.connect(database)
    try:
        for seed in range(block * POLICIES_A_BLOCK, (block + 1) * POLICIES_A_BLOCK):
            policy = random_policy(seed)
            rows = random_rows(policy, seed, ROWS)
            wanted = in_python(policy, rows)
            assert in_duckdb(policy, rows, proven=False) == wanted, f"DuckDB, seed {seed}"
            assert in_duckdb(policy, rows, proven=True) == wanted, f"DuckDB unchecked, seed {seed}"
            assert await in_postgresql(connection, policy, rows) == wanted, f"PostgreSQL, seed {seed}"
    finally:
        await connection.close()


async def test_the_worked_cases_and_random_stores_decide_alike_in_postgresql(database: str) -> None:
    policy = shipped_policy()
    rows = [case["inputs"] for case in CASES] + random_rows(policy, 1, 2000)
    connection = await asyncpg.connect(database)
    try:
        assert await in_postgresql(connection, policy, rows) == in_python(policy, rows)
    finally:
        await connection.close()


def test_random_policies_and_the_worked_cases_decide_alike_in_spark(spark: SparkSession) -> None:
    shipped = shipped_policy()
    rows = [case["inputs"] for case in CASES] + random_rows(shipped, 1, 2000)
    assert in_spark(spark, shipped, rows) == in_python(shipped, rows)
    for seed in range(SPARK_POLICIES):
        policy = random_policy(seed)
        rows = random_rows(policy, seed, ROWS)
        assert in_spark(spark, policy, rows) == in_python(policy, rows), f"seed {seed}"
