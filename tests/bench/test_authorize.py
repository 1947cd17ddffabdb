"""Every row of the table can be measured. How fast is not a matter of tests."""

import sys
from io import StringIO
from pathlib import Path

import asyncpg
import msgspec
from rich.console import Console

from houfu.bench.authorize import Plan, measure
from houfu.bench.render import show
from houfu.bench.table import ROWS
from houfu.core.clock import SystemClock
from houfu.db.server import Server, bin_dir

SERVE = (sys.executable, "-m", "houfu.cli", "serve", "--port", "0")


async def test_every_row_is_measured_and_nothing_stays_behind(server: Server, tmp_path: Path) -> None:
    programs = bin_dir()
    assert programs is not None
    heard: list[str] = []
    report = await measure(
        server.dsn,
        Plan(
            rounds=1,
            seconds=1,
            warm_up_ms=50,
            history=400,
            stores=4,
            scale=1,
            serve=SERVE,
            pgbench=programs / "pgbench",
            folder=tmp_path,
        ),
        clock=SystemClock(),
        on_progress=lambda what, _done, _of: heard.append(what),
    )
    assert [row.name for row in report.rows] == list(ROWS)
    assert all(row.per_second.median > 0 for row in report.rows)
    assert report.older_postings == 400
    assert {bar.name for bar in report.bars} >= {
        "engine",
        "engine_hot",
        "http",
        "http_batch",
        "history",
        "http_p99",
    }
    assert heard[-1] == "measured"
    assert msgspec.json.decode(msgspec.json.encode(report))["benchmark"] == "authorize"
    shown = StringIO()
    show(report, Console(file=shown))
    assert ROWS["http_spread"] in shown.getvalue()
    connection = await asyncpg.connect(server.dsn)
    try:
        left = await connection.fetchval(
            "select count(*) from pg_database where datname like 'houfu\\_bench\\_%'"
        )
    finally:
        await connection.close()
    assert left == 0
