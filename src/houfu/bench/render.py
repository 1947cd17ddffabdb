"""A report for people: the table, and what was reached."""

from rich.console import Console

from houfu.bench.authorize import Report
from houfu.bench.page import show_bars, show_table
from houfu.bench.table import Row, Spread, milliseconds, times


def show(report: Report, console: Console) -> None:
    """Write the report to the console."""
    machine = report.machine
    settings = ", ".join(f"{name}={value}" for name, value in machine.settings.items())
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_mb} MB; {machine.system}; "
        f"PostgreSQL {machine.postgresql}, Python {machine.python}\n{settings}\n"
        f"{report.rounds} rounds of {report.seconds} s, {report.stores} stores, "
        f"{report.older_postings:,} older postings; load before: {times(machine.load_percent)[:-1]}",
        highlight=False,
    )
    show_table(
        ("", "orders/s", "min .. max", "of TPC-B", "p50", "p99"),
        [_cells(row) for row in report.rows],
        console,
    )
    show_bars(report.bars, console)


def _cells(row: Row) -> tuple[str, ...]:
    rate = row.per_second
    return (
        row.label,
        f"{rate.median:,}",
        f"{rate.least:,} .. {rate.most:,}",
        times(row.of_tpcb_percent.median) if row.of_tpcb_percent else "",
        _time(row.p50_us),
        _time(row.p99_us),
    )


def _time(spread: Spread | None) -> str:
    return milliseconds(spread.median) if spread else ""
