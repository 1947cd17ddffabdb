"""The table of every state and command of an order, found by trying them all.

`python -m houfu.lines.states` prints it; `docs/reference/states.md` is that print. An order of three fen is led
through every sequence of commands; what each state ever answers to each command is a cell.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from houfu.core.reason import Refusal
from houfu.lines import order as orders
from houfu.lines.order import Effect, Order, Standing
from houfu.policy.terms import BuyerDefault, DefaultBearer, Funding, Orders, OverLimit

STATES: Final[Mapping[str, str]] = {
    "authorized": "the hold stands, nothing was drawn",
    "partially_captured": "part was drawn, the rest is held",
    "captured": "everything not freed was drawn, the buyer still owes",
    "repaid": "the buyer owes nothing, at least part was kept",
    "returned": "all that was drawn came back",
    "voided": "everything was freed by a void or a return before capture",
    "expired": "everything was freed because its time was over",
    "defaulted": "the buyer did not pay in time and still owes",
    "refused": "there never was a hold",
}
"""Every state of an order, and what it says."""

COMMANDS: Final = ("authorize", "capture", "void", "repay", "return", "expire", "default")
"""The commands in the order of the columns; `authorize` is one for the same order id. The last two are time's."""

AMOUNT: Final = 3
"""Small enough to try everything, large enough for a part of a part."""

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TERMS: Final = Orders(
    hold_days=15,
    funding=Funding(mode="advanced_on_shipping", advance_share_bp=10_000),
    over_limit=OverLimit(allowed=False, max_bp_of_total=0),
    default=BuyerDefault(
        after_days=60, receipt_after_days=10, bearer=DefaultBearer(shipped="store", received="platform")
    ),
)
_STANDING: Final = Standing(balance=AMOUNT, liability=0)

Cells = dict[tuple[str, str], set[str]]
"""By state and command: the states that follow, and the reasons of refusals after an exclamation mark."""


def cells() -> Cells:
    """What every state answers to every command."""
    found: Cells = {(state, command): set() for state in STATES for command in COMMANDS}
    waiting, seen = [_authorized(), _refused()], set[Order]()
    while waiting:
        order = waiting.pop()
        if order in seen:
            continue
        seen.add(order)
        for command, answer in _answers(order):
            match answer:
                case Refusal(reason):
                    found[order.status, command].add(f"!{reason.value}")
                case Effect():
                    found[order.status, command].add(answer.order.status)
                    waiting.append(answer.order)
                case None:
                    pass
        taken = order.reason is None and order.freed < order.amount
        found[order.status, "authorize"].add("!order_already_authorized" if taken else "authorized")
    return found


def page() -> str:
    """The page `docs/reference/states.md`."""
    found = cells()
    names = list(STATES)
    lines = [_INTRODUCTION, "| state | what it says |", "|---|---|"]
    lines += [f"| `{state}` | {says} |" for state, says in STATES.items()]
    lines += ["", _READING, "| state | " + " | ".join(COMMANDS) + " |", "|---" * (len(COMMANDS) + 1) + "|"]
    for state in names:
        row = [_cell(found[state, command], names) for command in COMMANDS]
        lines.append(f"| `{state}` | " + " | ".join(row) + " |")
    return "\n".join([*lines, "", _NOTES])


def _answers(order: Order) -> Iterator[tuple[str, Effect | Refusal | None]]:
    for amount in range(1, AMOUNT + 2):
        for final in (False, True):
            yield "capture", orders.capture(order, amount, final=final, terms=_TERMS, now=_START)
        yield "repay", orders.repay(order, amount, standing=_STANDING)
        yield "return", orders.give_back(order, amount, standing=_STANDING)
    yield "void", orders.void(order)
    ever = _START + timedelta(days=365)
    yield "expire", orders.expire(order, now=ever)
    yield "default", orders.default(order, standing=_STANDING, terms=_TERMS, now=ever)


def _cell(answers: set[str], names: list[str]) -> str:
    follow = sorted((answer for answer in answers if not answer.startswith("!")), key=names.index)
    refused = sorted(answer[1:] for answer in answers if answer.startswith("!"))
    parts = [", ".join(follow)] if follow else []
    parts += [f"*{reason}*" for reason in refused]
    return "; ".join(parts) or "–"


def _authorized() -> Order:
    return Order(
        store_id="s",
        id="0" * 32,
        order_id="o",
        buyer_id="b",
        status="authorized",
        currency="CNY",
        amount=AMOUNT,
        authorized_at=_START,
        expires_at=_START + timedelta(days=_TERMS.hold_days),
        due_at=_START + timedelta(days=_TERMS.hold_days),
    )


def _refused() -> Order:
    return Order(
        store_id="s",
        id="1" * 32,
        order_id="o",
        buyer_id="b",
        status="refused",
        currency="CNY",
        amount=AMOUNT,
        authorized_at=_START,
        reason="limit_exceeded",
    )


_INTRODUCTION: Final = """\
# The states of an order

This page is printed by `python -m houfu.lines.states`, which leads an order through every sequence of commands. A test
fails where it differs from the code. [Concepts](../concepts.md) says what the words mean.
"""
_READING: Final = """\
A cell names the states that may follow; which one depends on the amount. In italics: the reason of a refusal, which
changes nothing. A dash: time finds nothing to do. `authorize` is a new authorization for the same order id.
"""
_NOTES: Final = """\
- `repaid` means that the buyer owes nothing. Where part of the goods came back and the rest was paid, that is `repaid`;
  `returned` needs all of them back.
- A default does not end an order: late payments and returns are taken, and restore the line as ever (A5).
- A refusal is recorded among the order's movements. It is answered again to whoever repeats its key.

## Order of the checks

| command | checks, the first that fails is the reason |
|---|---|
| authorize | `store_unknown`, `amount_not_positive`, `line_not_open`, `line_suspended`, `currency_differs`, `order_already_authorized`, `limit_exceeded` |
| capture | `authorization_refused`, `order_closed`, `capture_exceeds_hold` |
| void | `authorization_refused`, `nothing_to_void` |
| repay | `authorization_refused`, `order_closed`, `repayment_exceeds_outstanding` |
| return | `authorization_refused`, `order_closed`, `return_exceeds_order` |
"""


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 (this is what it is for)
