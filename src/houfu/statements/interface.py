"""What is asked of statements, and what is answered."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

from houfu.core.reason import Language
from houfu.http.fields import Month, StoreId
from houfu.statements.columns import KINDS, in_language
from houfu.statements.month import AccountName, StoreMonth


class StatementPath(msgspec.Struct, frozen=True):
    """A path that names a store's month."""

    store_id: StoreId
    month: Month


class StatementQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As what the statement is wanted."""

    format: Literal["json", "pdf"] = "json"


class MonthView(msgspec.Struct, frozen=True):
    """A month that has a statement. `final`: it is over, and nothing about it changes any more."""

    month: str
    final: bool
    statement: str


class MonthsView(msgspec.Struct, frozen=True):
    """The months, the newest first."""

    data: tuple[MonthView, ...]


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of thing added to the account and took from it, minor units; `part` is the account on the other side,
    where one thing has several. `entries` is the address of the entries behind it, each with its order's id."""

    kind: str
    name: str
    part: str | None
    part_name: str | None
    inflow: int
    outflow: int
    count: int
    entries: str


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account through the month, minor units: opening + inflow - outflow = closing, and so is the sum of its lines."""

    account: AccountName
    name: str
    opening: int
    inflow: int
    outflow: int
    closing: int
    lines: tuple[LineView, ...]


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A month of a store, local to the programme, by when things were recorded: what it could withdraw, what it owed, what was
    on its way to its bank. It covers the journals from `first_journal` to `last_journal`, none where the first comes after the
    last; `head` is the hash of the store's chain there, which covers all before it."""

    store_id: str
    month: str
    currency: str
    final: bool
    first_journal: int
    last_journal: int
    head: str
    balance: AccountView
    liability: AccountView
    in_transit: AccountView
    entries: str


def statement_view(month: StoreMonth, names: Mapping[str, str], language: Language) -> StatementView:
    """The month in the caller's language; `names` are the accounts'."""
    return StatementView(
        store_id=month.store_id,
        month=f"{month.month:%Y-%m}",
        currency=month.currency,
        final=month.final,
        first_journal=month.first_journal,
        last_journal=month.last_journal,
        head=month.head.hex(),
        balance=_account(month, "store_balance", names, language),
        liability=_account(month, "store_liability", names, language),
        in_transit=_account(month, "payout_clearing", names, language),
        entries=_entries(month),
    )


def address_of(store_id: str, month: date) -> str:
    """Where a month's statement is."""
    return f"/v1/stores/{store_id}/statements/{month:%Y-%m}"


def _account(
    month: StoreMonth, account: AccountName, names: Mapping[str, str], language: Language
) -> AccountView:
    lines, kinds = month.lines_of(account), in_language(KINDS, language)
    return AccountView(
        account=account,
        name=names[account],
        opening=getattr(month.opening, account),
        inflow=sum(line.inflow for line in lines),
        outflow=sum(line.outflow for line in lines),
        closing=getattr(month.closing, account),
        lines=tuple(
            LineView(
                kind=line.kind,
                name=kinds.get(line.kind, line.kind),
                part=line.part,
                part_name=None if line.part is None else names[line.part],
                inflow=line.inflow,
                outflow=line.outflow,
                count=line.entries,
                entries=_entries(month, f"&account={account}&kind={line.kind}"),
            )
            for line in lines
        ),
    )


def _entries(month: StoreMonth, more: str = "") -> str:
    bounds = f"journal_from={month.first_journal}&journal_to={month.last_journal}"
    return f"/v1/stores/{month.store_id}/entries?{bounds}{more}"
