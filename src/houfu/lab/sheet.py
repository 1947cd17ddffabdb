"""The year as people read it: tables for a terminal."""

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from houfu.core.money import in_words
from houfu.lab.report import Count, Figures, Report


def print_report(report: Report, console: Console) -> None:
    """Print the year on the console."""
    found = report.figures
    title = f"{report.stores:,} stores, {report.first_day} to {report.last_day}, seed {report.seed}"
    console.print()
    console.print(Panel(Text(title, style="bold"), title="Houfu: the year", box=box.ROUNDED, expand=False))
    console.print(_months(found))
    console.print(_limits(found))
    console.print(_money(found))
    console.print(_refusals(found))
    console.print(_proof(report))


def _months(found: Figures) -> Table:
    table = _table("Month by month, money in thousands of yuan", roomy=False)
    names = "month orders refused advanced repaid returned default withdrawn limits"
    for name in names.split():
        table.add_column(name, justify="left" if name == "month" else "right")
    for month in found.months:
        amounts = (
            month.advanced,
            month.repaid,
            month.returned,
            month.defaulted,
            month.withdrawn,
            month.granted,
        )
        table.add_row(
            f"{month.month:%Y-%m}",
            f"{month.authorized:,}",
            f"{month.refused:,}",
            *(_thousands(amount) for amount in amounts),
        )
    return table


def _limits(found: Figures) -> Table:
    table = _table("Limits at the end")
    for name in ("category", "stores", "granted", "used", "used %", "without limit"):
        table.add_column(name, justify="left" if name == "category" else "right")
    for row in found.categories:
        table.add_row(
            row.category,
            f"{row.stores:,}",
            _yuan(row.total),
            _yuan(row.used),
            _percent(row.used, row.total),
            f"{row.without_limit:,}",
        )
    total, used = sum(row.total for row in found.categories), sum(row.used for row in found.categories)
    table.add_section()
    table.add_row(
        "all",
        f"{sum(row.stores for row in found.categories):,}",
        _yuan(total),
        _yuan(used),
        _percent(used, total),
        f"{sum(row.without_limit for row in found.categories):,}",
        style="bold",
    )
    return table


def _money(found: Figures) -> Table:
    table = _table("Orders and money")
    table.add_column("")
    table.add_column("count", justify="right")
    table.add_column("amount", justify="right")
    table.add_column("share", justify="right")
    asked = found.authorized.amount + sum(count.amount for count in found.refused.values())
    rows: list[tuple[str, Count, int | None]] = [
        ("orders authorized", found.authorized, asked),
        ("  voided by stores", found.voided, found.authorized.amount),
        ("  expired unshipped", found.expired, found.authorized.amount),
        ("advanced on shipping", found.advanced, found.authorized.amount),
        ("  repaid by buyers", found.repaid, found.advanced.amount),
        ("  returned", found.returned, found.advanced.amount),
        ("  defaulted", found.defaulted, found.advanced.amount),
        ("withdrawn by stores", found.withdrawn, found.advanced.amount),
    ]
    for name, count, whole in rows:
        share = "" if whole is None else _percent(count.amount, whole)
        table.add_row(name, f"{count.count:,}", _yuan(count.amount), share)
    table.add_section()
    for name, amount in (
        ("withdrawal fees earned", found.fees),
        ("losses borne by the platform", found.losses),
        ("owed by buyers", found.receivable),
        ("owed by stores (liability)", found.liability),
        ("owed to stores (balance)", found.store_balances),
        ("withdrawals on their way", found.in_transit),
    ):
        table.add_row(name, "", _yuan(amount), "")
    return table


def _refusals(found: Figures) -> Table:
    table = _table("What was refused, failed or reviewed")
    table.add_column("")
    table.add_column("reason")
    table.add_column("count", justify="right")
    table.add_column("amount", justify="right")
    for name, reasons in (
        ("order refused", found.refused),
        ("withdrawal refused", found.withdrawals_refused),
        ("withdrawal failed", found.withdrawals_failed),
        ("review opened", found.reviews),
    ):
        for reason, count in reasons.items():
            table.add_row(name, reason, f"{count.count:,}", _yuan(count.amount))
            name = ""
        table.add_section()
    return table


def _proof(report: Report) -> Group:
    proof = report.ledger
    broken = proof.first_break
    ledger = (
        f"Ledger verified: {proof.journals:,} journals, {proof.postings:,} postings of {proof.stores:,} stores, "
        f"{len(proof.invariants)} invariants, {_seconds(proof.milliseconds)}."
        if broken is None
        else f"Ledger BROKEN: {broken.invariant} in store {broken.store_id}, {broken.place}: {broken.finding}"
    )
    tally = (
        "The simulator's own count agrees with the books in every figure."
        if report.tally_agrees
        else "The simulator's own count does NOT agree with the books."
    )
    speed = (
        f"{report.commands:,} commands in {_seconds(report.run_milliseconds)}: "
        f"{report.commands_per_second:,} a second, the simulator's own work included."
    )
    return Group(
        Text(ledger, style="green" if broken is None else "bold red"),
        Text(tally, style="green" if report.tally_agrees else "bold red"),
        Text(speed),
        Text(f"Books: {report.figures.books_sha256}", style="dim"),
    )


def _table(title: str, *, roomy: bool = True) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1 if roomy else 0, 0, 0),
        pad_edge=False,
    )


def _yuan(amount: int) -> str:
    """To the yuan, rounded down: the fen are in the JSON."""
    return in_words(amount).rpartition(".")[0]


def _thousands(amount: int) -> str:
    """Thousands of yuan, rounded down."""
    return f"{amount // 100_000:,}"


def _percent(part: int, whole: int) -> str:
    """To a tenth of a percent, rounded down."""
    if whole == 0:
        return ""
    tenths = part * 1_000 // whole
    return f"{tenths // 10}.{tenths % 10}%"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000 // 100} s"
