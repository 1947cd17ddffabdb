"""A report for people: the table, and what was reached."""

from rich.console import Console
from rich.table import Table

from houfu.bench.authorize import Report
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
    table = Table("", "orders/s", "min .. max", "of TPC-B", "p50", "p99")
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for row in report.rows:
        table.add_row(*_cells(row))
    console.print(table)
    for bar in report.bars:
        verdict = "[green]reached[/]" if bar.reached else "[red]not reached[/]"
        console.print(f"{verdict}  {bar.asked}: {bar.measured}", highlight=False)


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
