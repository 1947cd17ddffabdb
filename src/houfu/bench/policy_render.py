"""A policy's measurement for people: two tables, and what was reached."""

from rich.console import Console

from houfu.bench.decisions import SingleRow, TableRow, microseconds, seconds
from houfu.bench.page import show_bars, show_table
from houfu.bench.policy import Report
from houfu.bench.table import Spread, times


def show(report: Report, console: Console) -> None:
    """Write the report to the console."""
    machine = report.machine
    engines = ", ".join(f"{name} {version}" for name, version in report.engines.items() if version)
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_mb} MB; {machine.system}; "
        f"Python {machine.python}, {engines}\n"
        f"{report.rounds} rounds; {report.stores:,} stores in {report.input_bytes // 1_000_000:,} MB, "
        f"DuckDB within {report.memory_mb:,} MB; {report.decisions:,} single decisions; "
        f"load before: {times(machine.load_percent)[:-1]}",
        highlight=False,
    )
    if report.parity is not None:
        console.print(
            f"DuckDB and Python: {report.parity.differing} of {report.parity.compared:,} stores differ",
            highlight=False,
        )
    if report.single:
        head = ("one store at a time", "p50", "min .. max", "p99", "mean", "of compiled")
        show_table(head, [_single(row) for row in report.single], console)
    if report.tables:
        head = (f"{report.stores:,} stores", "time", "min .. max", "stores/s", "of floor", "peak memory")
        show_table(head, [_table(row) for row in report.tables], console)
    for row in (*report.single, *report.tables):
        if row.unavailable is not None:
            console.print(f"{row.label.strip()}: {row.unavailable}", highlight=False)
    show_bars(report.bars, console)


def _single(row: SingleRow) -> tuple[str, ...]:
    if row.p50_ns is None or row.p99_ns is None or row.mean_ns is None:
        return row.label, "none", "", "", "", ""
    return (
        row.label,
        microseconds(row.p50_ns.median),
        f"{microseconds(row.p50_ns.least)} .. {microseconds(row.p50_ns.most)}",
        microseconds(row.p99_ns.median),
        microseconds(row.mean_ns.median),
        _ratio(row.of_compiled_percent),
    )


def _table(row: TableRow) -> tuple[str, ...]:
    if row.took_ms is None or row.stores_per_second is None or row.peak_mb is None:
        return row.label, "none", "", "", "", ""
    return (
        row.label,
        seconds(row.took_ms.median),
        f"{seconds(row.took_ms.least)} .. {seconds(row.took_ms.most)}",
        f"{row.stores_per_second.median:,}",
        _ratio(row.of_floor_percent),
        f"{row.peak_mb.median:,} MB",
    )


def _ratio(percent: Spread | None) -> str:
    return times(percent.median) if percent else ""
