"""The measurement of withdrawals, in small: each piece does the whole work, beside its limit."""

import sys
from io import StringIO
from pathlib import Path

from rich.console import Console

from houfu.bench.withdrawals import ROWS, Plan, measure, show
from houfu.core.clock import SystemClock
from houfu.db.server import bin_dir

SERVE = (
    sys.executable,
    "-m",
    "houfu.cli",
    "serve",
    "--port",
    "0",
    "--sandbox",
    "--now",
    "2026-03-02T10:00:00+08:00",
)


async def test_requests_payouts_statements_and_exports_are_measured_beside_their_limits(
    bare_database: str, tmp_path: Path
) -> None:
    programs = bin_dir()
    assert programs is not None
    plan = Plan(
        rows=tuple(ROWS),
        rounds=2,
        seconds=1,
        stores=20,
        payments=300,
        entries=1_000,
        scale=1,
        serve=SERVE,
        pgbench=programs / "pgbench",
        folder=tmp_path,
    )
    heard: list[str] = []
    report = await measure(
        bare_database, plan, clock=SystemClock(), on_progress=lambda what, done, of: heard.append(what)
    )
    assert [row.name for row in report.rows] == list(ROWS)
    assert all(row.per_second.median > 0 for row in report.rows)
    assert [bar.name for bar in report.bars] == ["requests", "cut_off", "ingest", "export"]
    own = {row.name for row in report.rows if row.peak_mb is not None}
    assert own == set(ROWS) - {"tpcb", "requests"}
    assert "round 2 of 2" in heard
    page = StringIO()
    show(report, Console(file=page, width=120))
    assert "from cut-off to validated files" in page.getvalue()
