"""The limits: what PostgreSQL's own load generator, written in C, gets out of the same server."""

import asyncio
import re
from pathlib import Path
from typing import Final

import asyncpg

from houfu.bench.programme import AMOUNT, HOT_STORE, store_pattern
from houfu.bench.table import Sample
from houfu.db.queries import load

CLIENTS: Final = 8
THREADS: Final = 2
_RATE: Final = re.compile(r"^tps = (\d+)", re.MULTILINE)
_SQL = load(__package__, "limits.sql")


class PgbenchFailed(RuntimeError):
    """pgbench is not there or did not finish; the message holds what it said."""


async def make_tpcb(pgbench: Path, dsn: str, *, scale: int) -> None:
    """Fill the database of `dsn` with TPC-B's tables."""
    await _run(pgbench, "--initialize", "--quiet", f"--scale={scale}", dsn)


async def make_function(dsn: str) -> None:
    """Put the one function into a migrated database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_SQL["make_schema"])
        await connection.execute(_SQL["make_authorize"])
    finally:
        await connection.close()


async def tpcb(pgbench: Path, dsn: str, *, seconds: int) -> Sample:
    """TPC-B as pgbench ships it, over the simple protocol."""
    return await _measured(pgbench, dsn, seconds, "--builtin=tpcb-like", "--protocol=simple")


async def function(pgbench: Path, dsn: str, folder: Path, *, stores: int, seconds: int) -> Sample:
    """One call of the function per authorization, prepared; on one hot store where `stores` is 1."""
    store = f"'{HOT_STORE}'" if stores == 1 else store_pattern(":store")
    script = folder / f"authorize_{stores}.sql"
    script.write_text(
        f"\\set store random(1, {stores})\n\\set n random(1, 9007199254740991)\n"
        f"select bench.authorize({store}, (:n)::text, 'buyer', {AMOUNT}, (:n)::text, '\\x{'ab' * 32}'::bytea);\n",
        encoding="utf-8",
    )
    return await _measured(pgbench, dsn, seconds, f"--file={script}", "--protocol=prepared")


async def _measured(pgbench: Path, dsn: str, seconds: int, *arguments: str) -> Sample:
    said = await _run(
        pgbench,
        "--no-vacuum",
        f"--client={CLIENTS}",
        f"--jobs={THREADS}",
        f"--time={seconds}",
        *arguments,
        dsn,
    )
    rate = _RATE.search(said)
    if rate is None:
        raise PgbenchFailed(said)
    return Sample(int(rate[1]))


async def _run(pgbench: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        pgbench,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode(errors="replace")
    if process.returncode != 0:
        raise PgbenchFailed(f"{pgbench.name} ended with {process.returncode}: {text.strip()}")
    return text
