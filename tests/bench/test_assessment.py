"""The measurement of runs over all stores, in small: what it says is what happened."""

from io import StringIO

from rich.console import Console

from houfu.bench.assessment import Plan, measure, show
from houfu.core.clock import SystemClock


async def test_every_limit_changes_in_a_run_and_orders_are_answered_beside_it(bare_database: str) -> None:
    heard: list[str] = []
    report = await measure(
        bare_database,
        Plan(stores=60, rounds=1, seconds=1),
        clock=SystemClock(),
        on_progress=lambda what, done, of: heard.append(what),
    )
    assert report.limits_changed == report.stores == 60
    assert [row.name for row in report.rows] == ["floor", "run", "orders", "orders_beside", "run_beside"]
    assert all(row.per_second.median > 0 for row in report.rows)
    assert "round 1: orders beside a run" in heard
    page = StringIO()
    show(report, Console(file=page, width=120))
    assert "60 of 60" in page.getvalue()
