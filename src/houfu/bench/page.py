"""What every report has on its page: tables of figures, and what was reached."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from houfu.bench.table import Bar


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """Write a table of words and, right of them, figures."""
    table = Table(*head)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*row)
    console.print(table)


def show_bars(bars: Sequence[Bar], console: Console) -> None:
    """Write what is asked and what was measured."""
    for bar in bars:
        verdict = "[green]reached[/]" if bar.reached else "[red]not reached[/]"
        console.print(f"{verdict}  {bar.asked}: {bar.measured}", highlight=False)
