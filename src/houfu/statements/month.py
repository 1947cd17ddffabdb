"""A store's month: what it had and owed when the month began and ended, and every kind of thing that moved it (C5).

A month is a stretch of the store's chain of journals, told by when they were recorded: once it is over nothing is added to it,
and the next one begins where it ends.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from houfu.core.calendar import local_moment
from houfu.core.reason import Language
from houfu.statements.columns import KINDS, Column, Table, in_language

AccountName = Literal["store_balance", "store_liability", "payout_clearing"]
ACCOUNTS: Final[tuple[AccountName, ...]] = ("store_balance", "store_liability", "payout_clearing")
"""What a statement tells: what the store may withdraw, what it owes, and what is on its way to its bank."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of thing added to an account and took from it, minor units, both zero or more.

    `part` is the account on the other side, where one thing has several: a withdrawal's fee, what it settled of the liability
    and what it paid out are three lines. `entries` counts what the account was moved by; parts of one entry each count it.
    """

    account: AccountName
    kind: str
    part: str | None
    inflow: int
    outflow: int
    entries: int


class Balances(msgspec.Struct, frozen=True):
    """The store's accounts at one moment, minor units."""

    store_balance: int = 0
    store_liability: int = 0
    payout_clearing: int = 0


class StoreMonth(msgspec.Struct, frozen=True, kw_only=True):
    """A month of a store: journals `first_journal` to `last_journal`, none where the first comes after the last.

    `head` is the hash of the chain where it ends, which covers all before it. `final`: the month is over, for good.
    """

    store_id: str
    month: date
    currency: str
    first_journal: int
    last_journal: int
    head: bytes
    opening: Balances
    closing: Balances
    lines: tuple[Line, ...]
    final: bool

    def lines_of(self, account: AccountName) -> tuple[Line, ...]:
        """What moved an account."""
        return tuple(line for line in self.lines if line.account == account)


def closed_by(opening: Balances, lines: Sequence[Line]) -> Balances:
    """What a month ends with: opening + in - out, of each account."""
    moved = {
        account: getattr(opening, account) + sum(x.inflow - x.outflow for x in lines if x.account == account)
        for account in ACCOUNTS
    }
    return Balances(**moved)


def month_at(moment: datetime, zone: ZoneInfo) -> date:
    """The first day of the local month in which a moment lies."""
    return moment.astimezone(zone).date().replace(day=1)


def month_after(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def begins_at(month: date, zone: ZoneInfo) -> datetime:
    """The moment at which a local month begins."""
    return local_moment(month, time(), zone).astimezone(UTC)


STATEMENT: Final = Table(
    name="statement",
    zh="月结单",
    en="Monthly statement",
    columns=(
        Column("account", "账户", "Account", "text", 18),
        Column("item", "项目", "Item", "text", 18),
        Column("part", "明细", "Part", "text", 18),
        Column("entries", "笔数", "Entries", "count", 7),
        Column("inflow", "转入", "In", "money", 13),
        Column("outflow", "转出", "Out", "money", 13),
        Column("balance", "余额", "Balance", "money", 13),
    ),
    summed=(),
    summed_by="account",
)


def statement_rows(month: StoreMonth, names: dict[str, str], language: Language) -> list[list[str]]:
    """The month as rows of STATEMENT: of each account its opening, what moved it, and its closing. `names` are the accounts'."""
    kinds = in_language(KINDS, language)
    opening, closing = (
        ("Opening balance", "Closing balance") if language == "en" else ("期初余额", "期末余额")
    )
    rows: list[list[str]] = []
    for account in ACCOUNTS:
        name, lines = names[account], month.lines_of(account)
        rows.append([name, opening, "", "", "", "", money(getattr(month.opening, account))])
        rows += [
            [
                name,
                kinds.get(line.kind, line.kind),
                "" if line.part is None else names[line.part],
                str(line.entries),
                money(line.inflow) if line.inflow else "",
                money(line.outflow) if line.outflow else "",
                "",
            ]
            for line in lines
        ]
        rows.append(
            [
                name,
                closing,
                "",
                "",
                money(sum(line.inflow for line in lines)),
                money(sum(line.outflow for line in lines)),
                money(getattr(month.closing, account)),
            ]
        )
    return rows


def money(amount: int) -> str:
    """Minor units as decimal text of two places."""
    whole, fraction = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}{whole}.{fraction:02d}"
