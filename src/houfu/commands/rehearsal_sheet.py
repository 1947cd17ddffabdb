"""A rehearsal and a waterfall for people at a terminal, on stderr."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from houfu.policy.advice import Advice
from houfu.policy.explain import Explanation
from houfu.policy.figures import figure
from houfu.policy.rehearsal import Effect, Rehearsal, Segment, StoreChange

WIDTH = 120
"""Columns where nobody says how wide the page is."""

STORES_SHOWN = 5


def show_rehearsal(rehearsal: Rehearsal) -> None:
    """The whole, then each moment and segment, the rules, and who changes most."""
    console = _console()
    a, b = rehearsal.a, rehearsal.b
    whole = rehearsal.whole
    console.print(
        f"{a.name} version {a.version} -> {b.name} version {b.version}: {whole.rows:,} snapshots, "
        f"{whole.gain:,} gain, {whole.lose:,} lose, {whole.unchanged:,} unchanged; "
        f"{whole.opened:,} from zero, {whole.closed:,} to zero",
        highlight=False,
    )
    for change in rehearsal.changes:
        console.print(f"  {change.en}", highlight=False)
    _show_effects("moment", rehearsal.moments, whole, console)
    for name, segments in rehearsal.segments.items():
        if segments:
            _show_effects(name, segments, None, console)
    rules = _table("rule", "effect", "A", "B")
    for rule in rehearsal.rules:
        rules.add_row(rule.code, rule.effect, _count(rule.a), _count(rule.b))
    console.print(rules)
    for title, stores in (("up most", rehearsal.winners), ("down most", rehearsal.losers)):
        _show_stores(title, stores, console)
    for note in rehearsal.notes:
        console.print(note.en, highlight=False)


def show_waterfall(explanation: Explanation, advice: Sequence[Advice]) -> None:
    """Every step from base to total, and what would raise it."""
    console = _console()
    steps = _table("step", "effect", "change, yuan", "after it, yuan")
    for step in explanation.waterfall:
        steps.add_row(step.label_en, step.effect, _yuan(step.amount), _yuan(step.running))
    steps.add_row("total", "", "", _yuan(explanation.decision.total))
    console.print(steps)
    if advice:
        raised = _table("what would raise it", "soonest", "it adds, yuan")
        for each in advice:
            raised.add_row(each.message_en, str(each.when), _yuan(each.gain))
        console.print(raised)


def _show_effects(name: str, segments: Sequence[Segment], whole: Effect | None, console: Console) -> None:
    table = _table(
        name, "snapshots", "gain", "lose", "exposure A, yuan", "exposure B, yuan", "net, yuan", "net"
    )
    rows = [(part.value, part.effect) for part in segments]
    for value, effect in rows if whole is None else [*rows, ("all", whole)]:
        table.add_row(
            value,
            f"{effect.rows:,}",
            f"{effect.gain:,}",
            f"{effect.lose:,}",
            _yuan(effect.exposure_a),
            _yuan(effect.exposure_b),
            _yuan(effect.net),
            "-" if effect.net_bp is None else figure(effect.net_bp, "bp").en,
        )
    console.print(table)


def _show_stores(title: str, stores: Sequence[StoreChange], console: Console) -> None:
    if not stores:
        return
    table = _table(title, "moment", "A, yuan", "B, yuan", "change, yuan")
    for each in stores[:STORES_SHOWN]:
        table.add_row(each.store_id, str(each.as_of or "-"), _yuan(each.a), _yuan(each.b), _yuan(each.change))
    console.print(table)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for nth, head in enumerate(heads):
        table.add_column(
            head,
            justify="left" if nth == 0 or head in ("effect", "moment", "soonest") else "right",
            no_wrap=nth > 0,
        )
    return table


def _console() -> Console:
    wide = Console(stderr=True)
    return wide if wide.is_terminal else Console(stderr=True, width=WIDTH)


def _yuan(fen: int) -> str:
    return figure(fen, "fen").en.removesuffix(" yuan")


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
