"""An order and its store, told once more and differently: one thing per fen.

Written from the programme's rules (A2 to A5, A10) and not from `houfu.lines.order`: no sums, no minima, only
single fen that are moved from place to place one after another. Slow, and for small amounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from houfu.policy.terms import Orders

# Where a fen of an order is. It never goes back.
HELD, FREED, SHIPPED, PAID, FORGIVEN, REFUNDED = "held", "freed", "shipped", "paid", "forgiven", "refunded"
# Who gave the store its fen before the buyer paid.
NOBODY, LINE, BEYOND, BEARER = "nobody", "line", "beyond", "bearer"
SETTLED_FIRST = (BEYOND, LINE, BEARER, NOBODY)


@dataclass
class Fen:
    """One fen of an order: where it is, and who has given it to the store."""

    place: str = HELD
    given_by: str = NOBODY


@dataclass
class Till:
    """What a store's accounts hold, each counted so that it is zero or more where the world allows no other."""

    balance: int = 0
    """The store may withdraw it."""
    liability: int = 0
    """The store owes it."""
    receivable: int = 0
    """Buyers owe it for advances."""
    bank: int = 0
    """The programme's money, more in than out when positive."""
    loss: int = 0
    partner: int = 0

    def give(self) -> None:
        self.balance += 1

    def take(self) -> None:
        """One fen from the store: from its balance, else it owes it."""
        if self.balance:
            self.balance -= 1
        else:
            self.liability += 1

    def bear(self, bearer: str, fen: int) -> None:
        """A fen of a default, +1 borne or -1 recovered, is the bearer's."""
        if bearer == "platform":
            self.loss += fen
        elif bearer == "funding_partner":
            self.partner += fen
        elif fen > 0:
            self.take()
        else:
            self.give()


@dataclass
class FenOrder:
    """An order as its fen, the last `beyond` of which lie beyond the line."""

    fen: list[Fen]
    beyond: int
    expires_at: datetime
    emptied: str = "voided"
    captured_at: datetime | None = None
    default_at: datetime | None = None
    bearer: str | None = None

    @classmethod
    def authorized(cls, amount: int, *, beyond: int, expires_at: datetime) -> FenOrder:
        return cls([Fen() for _ in range(amount)], beyond, expires_at)

    def count(self, *places: str) -> int:
        return sum(1 for fen in self.fen if fen.place in places)

    def open(self, given_by: str) -> int:
        """Fen the buyer owes that were given by."""
        return sum(1 for fen in self.fen if fen.place == SHIPPED and fen.given_by == given_by)

    @property
    def used(self) -> int:
        return self.count(HELD, SHIPPED)

    @property
    def status(self) -> str:
        drawn = len(self.fen) - self.count(HELD, FREED)
        if not drawn:
            return "authorized" if self.count(HELD) else self.emptied
        if self.bearer and self.count(SHIPPED):
            return "defaulted"
        if self.count(HELD):
            return "partially_captured"
        if self.count(SHIPPED):
            return "captured"
        return "returned" if self.count(FORGIVEN, REFUNDED) == drawn else "repaid"

    def amounts(self) -> dict[str, int]:
        """The columns that follow from where the fen are."""
        return {
            "amount": len(self.fen),
            "over_limit_amount": self.beyond,
            "captured": self.count(SHIPPED, PAID, FORGIVEN, REFUNDED),
            "freed": self.count(FREED),
            "repaid": self.count(PAID, REFUNDED),
            "returned": self.count(FORGIVEN, REFUNDED),
            "refunded": self.count(REFUNDED),
            "receivable": self.open(LINE),
            "liability": self.open(BEYOND),
            "written_off": self.open(BEARER),
        }

    def in_(self, place: str) -> list[Fen]:
        """The fen in a place, those that are settled first first."""
        found = [fen for fen in self.fen if fen.place == place]
        return sorted(found, key=lambda fen: SETTLED_FIRST.index(fen.given_by))


def capture(
    order: FenOrder, amount: int | None, *, final: bool, till: Till, terms: Orders, now: datetime
) -> str | None:
    held = order.in_(HELD)
    if not held:
        return "order_closed"
    amount = len(held) if amount is None else amount
    if amount > len(held):
        return "capture_exceeds_hold"
    share = terms.funding.advance_share_bp
    for fen in held[:amount]:
        number = len(order.fen) - order.count(HELD, FREED) + 1
        fen.place = SHIPPED
        # The n-th fen is advanced where the share of n fen, whole fen only, is one more than that of n - 1.
        if number * share // 10_000 > (number - 1) * share // 10_000:
            till.give()
            if number <= len(order.fen) - order.beyond:
                fen.given_by = LINE
                till.receivable += 1
            else:
                fen.given_by = BEYOND
                till.liability += 1
    if final:
        for fen in held[amount:]:
            fen.place = FREED
    order.captured_at, order.default_at = now, now + timedelta(days=terms.default.after_days)
    return None


def void(order: FenOrder, *, emptied: str = "voided") -> str | None:
    held = order.in_(HELD)
    if not held:
        return "nothing_to_void"
    for fen in held:
        fen.place = FREED
    order.emptied = emptied
    return None


def repay(order: FenOrder, amount: int, *, till: Till) -> str | None:
    shipped = order.in_(SHIPPED)
    drawn = len(order.fen) - order.count(HELD, FREED)
    if amount > len(shipped):
        return "repayment_exceeds_outstanding" if drawn or order.count(HELD) else "order_closed"
    for fen in shipped[:amount]:
        fen.place = PAID
        till.bank += 1
        if fen.given_by == BEYOND and till.liability:
            till.liability -= 1
        elif fen.given_by == LINE:
            till.receivable -= 1
        elif fen.given_by == BEARER:
            till.bear(order.bearer or "", -1)
        else:
            till.give()
    return None


def give_back(order: FenOrder, amount: int, *, till: Till) -> str | None:
    steps: list[Callable[[], None]] = []

    def forgive(fen: Fen) -> None:
        fen.place = FORGIVEN
        if fen.given_by == BEYOND and till.liability and till.balance:
            till.liability -= 1
            till.balance -= 1
        elif fen.given_by == LINE:
            till.receivable -= 1
            till.take()
        elif fen.given_by == BEARER and order.bearer != "store":
            till.bear(order.bearer or "", -1)
            till.take()

    def refund(fen: Fen) -> None:
        fen.place = REFUNDED
        till.bank -= 1
        till.take()

    def free(fen: Fen) -> None:
        fen.place = FREED

    for place, step in ((SHIPPED, forgive), (PAID, refund), (HELD, free)):
        steps += [partial(step, fen) for fen in order.in_(place)]
    if amount > len(steps):
        whole = order.count(HELD, SHIPPED, PAID, REFUNDED)
        return "return_exceeds_order" if whole else "order_closed"
    for carry_out in steps[:amount]:
        carry_out()
    order.emptied = "voided"
    return None


def default(order: FenOrder, *, till: Till, terms: Orders, now: datetime) -> bool:
    if not order.count(SHIPPED) or order.default_at is None or order.default_at > now:
        return False
    if order.bearer and not order.open(LINE):
        return False
    bearers = terms.default.bearer
    received = terms.default.after_days >= terms.default.receipt_after_days
    order.bearer = order.bearer or (bearers.received if received else bearers.shipped)
    for fen in order.in_(SHIPPED):
        if fen.given_by == LINE:
            fen.given_by = BEARER
            till.receivable -= 1
            till.bear(order.bearer, +1)
    return True


@dataclass
class FenStore:
    """A store's line as its layers, and its orders."""

    layers: list[tuple[int, datetime, datetime | None]] = field(default_factory=list)
    status: str = "open"
    orders: dict[str, FenOrder] = field(default_factory=dict)
    till: Till = field(default_factory=Till)

    def total(self, now: datetime) -> int:
        return sum(
            amount for amount, start, end in self.layers if start <= now and (end is None or now < end)
        )

    @property
    def used(self) -> int:
        return sum(order.used for order in self.orders.values())
