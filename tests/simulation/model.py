"""What a programme should do, told once more: lines, orders, balances, withdrawals and answers to keys.

Written from the programme's rules and the documents, not from the code: orders are rows of single fen, a line
is a list of layers, time is a list of what is due. It knows the small policy of `lines.programme`.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from houfu.policy.terms import Orders
from lines import fen
from lines.fen import FenOrder, FenStore
from lines.programme import BASE_OF_LEVEL, COURSE, PROMOTION

SHANGHAI = ZoneInfo("Asia/Shanghai")
WINDOWS = (((6, 1), (6, 20)), ((10, 24), (11, 13)))


def day_of(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def three_months_after(day: date) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + 3, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def promotion_end(day: date) -> date | None:
    """The day after the window that is open on `day`."""
    for (first_month, first), (last_month, last) in WINDOWS:
        if date(day.year, first_month, first) <= day <= date(day.year, last_month, last):
            return date(day.year, last_month, last) + timedelta(days=1)
    return None


def occasions(after: datetime, until: datetime) -> list[tuple[datetime, bool]]:
    """The local midnights in (after, until] at which every store is looked at, in order, and whether it is assessed
    whatever came of the last time: so it is each quarter; on the 5th of a month and as a promotion begins only where
    another rule applies than did then."""
    years = range(day_of(after).year, day_of(until).year + 1)
    quarters = [(midnight(date(year, month, 1)), True) for year in years for month in (1, 4, 7, 10)]
    checks = [(midnight(date(year, month, 5)), False) for year in years for month in range(1, 13)]
    windows = [(midnight(date(year, *first)), False) for year in years for first, _ in WINDOWS]
    return sorted((at, always) for at, always in quarters + checks + windows if after < at <= until)


@dataclass
class Store(FenStore):
    level: int = 1
    courses: list[datetime] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)
    """By order id, the authorization that has it."""
    refused: int = 0
    withdrawals: int = 0
    fees: int = 0
    paid_out: int = 0
    """Net amounts of withdrawals, in transit or at the bank."""

    def assess(self, now: datetime) -> None:
        self.layers = self.decided(now)

    def decided(self, now: datetime) -> list[tuple[int, datetime, datetime | None]]:
        """The layers that an assessment would make."""
        layers: list[tuple[int, datetime, datetime | None]] = [(self.level * BASE_OF_LEVEL, now, None)]
        if self.courses:
            ends = midnight(three_months_after(day_of(max(self.courses))))
            if now < ends:
                layers.append((COURSE, now, ends))
        if (ends_on := promotion_end(day_of(now))) is not None:
            layers.append((PROMOTION, now, midnight(ends_on)))
        return layers

    def look(self, now: datetime, *, always: bool) -> None:
        """An occasion: the rules that apply are the kinds of layers there are."""
        if always or {amount for amount, _, _ in self.decided(now)[1:]} != {a for a, _, _ in self.layers[1:]}:
            self.assess(now)

    def live(self, order_id: str) -> bool:
        id = self.taken.get(order_id)
        return id is not None and self.orders[id].count(fen.FREED) < len(self.orders[id].fen)

    def beyond(self, order_id: str, amount: int, currency: str, terms: Orders, now: datetime) -> int | str:
        """How much of an order would lie beyond the line, or why it is refused."""
        if self.status == "suspended":
            return "line_suspended"
        if currency != "CNY":
            return "currency_differs"
        if self.live(order_id):
            return "order_already_authorized"
        total, used = self.total(now), self.used
        fits = min(amount, max(0, total - used))
        over_after = max(used + amount - total, 0) if fits < amount else 0
        allowed = total * terms.over_limit.max_bp_of_total // 10_000 if terms.over_limit.allowed else 0
        return "limit_exceeded" if over_after > allowed else amount - fits

    def withdraw(self, amount: int, now: datetime) -> str | None:
        """Ask for money; why it is refused."""
        hour = now.astimezone(SHANGHAI).hour
        if hour >= 23 or hour < 3:
            return "maintenance"
        if self.status == "suspended":
            return "account_abnormal"
        till = self.till
        if amount > till.balance:
            drawable = till.balance == 0 and amount <= self.total(now) - self.used
            return "limit_not_withdrawable" if drawable else "balance_insufficient"
        # 6%, half a fen up, at least two fen; the first is free.
        fee = max(2, (amount * 6 + 50) // 100) if self.withdrawals else 0
        if amount - till.liability - fee <= 0:
            return "amount_too_small"
        self.withdrawals += 1
        self.fees += fee
        self.paid_out += amount - till.liability - fee
        till.balance -= amount
        till.liability = 0
        return None

    def pass_time(self, after: datetime, until: datetime, terms: Orders) -> None:
        """What is due in (after, until]: holds, debts, occasions to assess."""
        for order in self.orders.values():
            if order.count(fen.HELD) and order.expires_at <= until:
                fen.void(order, emptied="expired")
            fen.default(order, till=self.till, terms=terms, now=until)
        for at, always in occasions(after, until):
            self.look(at, always=always)

    def accounts(self) -> dict[str, int]:
        """Debit positive; what is in transit and what was paid out are one."""
        till = self.till
        return {
            "buyer_receivable": till.receivable,
            "store_balance": -till.balance,
            "store_liability": till.liability,
            "bank_and_clearing": till.bank - self.paid_out,
            "fee_income": -self.fees,
            "loss": till.loss,
            "funding_partner": till.partner,
        }


def authorized(
    store: Store, id: str, order_id: str, amount: int, beyond: int, expires_at: datetime
) -> FenOrder:
    store.taken[order_id] = id
    order = store.orders[id] = FenOrder.authorized(amount, beyond=beyond, expires_at=expires_at)
    return order
