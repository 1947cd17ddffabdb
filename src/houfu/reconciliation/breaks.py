"""Breaks: where bank and books differ, and what each probably is."""

from datetime import date, datetime
from typing import Final, Literal

import msgspec

from houfu.core.money import in_words
from houfu.reconciliation.days import End

PREFIX: Final = "break"
"""What the public id of a break begins with."""

BreakKind = Literal[
    "line_without_payout",
    "payout_without_line",
    "amount_differs",
    "line_twice",
    "day_missing",
    "opening_differs",
]
BreakStatus = Literal["open", "proposed", "closed"]
MatchKind = Literal["payment", "return"]
Rule = Literal["id", "account", "name", "amount"]


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """The payout that a line probably is, and how sure that is: 1 to 100."""

    store_id: str
    withdrawal_id: str
    score: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A break as it is found. `amount`: how much more left the account than the books say, negative where less did."""

    day: date
    kind: BreakKind
    amount: int
    why_zh: str
    why_en: str
    match_kind: MatchKind | None = None
    line_number: int | None = None
    store_id: str | None = None
    withdrawal_id: str | None = None
    suggestion: Suggestion | None = None


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """A break as it stands; ids are public ones. `amount`, in minor units: how much more left the account than the books
    say, negative where less did. It is about a line, named by its number in the statement of rail and day, or about
    the payout `withdrawal_id` that no line shows. `suggested_withdrawal_id` is what the line probably is, with a score
    from 1 to 100; `matched_withdrawal_id` is what somebody says it is."""

    id: str
    rail: str
    day: date
    kind: BreakKind
    currency: str
    amount: int
    match_kind: MatchKind | None
    line_number: int | None
    line_reference: str | None
    withdrawal_id: str | None
    suggested_withdrawal_id: str | None
    suggested_score: int | None
    why_zh: str
    why_en: str
    status: BreakStatus
    reason: str | None
    reason_zh: str | None
    reason_en: str | None
    note: str | None
    matched_withdrawal_id: str | None
    proposed_by: str | None
    proposed_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    opened_at: datetime


class UnmatchedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is nobody's, with the withdrawal its id names, if any. `taken_day`: that one's line is of that day.
    `repeated`: an earlier line had the same reference."""

    number: int
    amount: int
    credit: bool
    store_id: str | None
    withdrawal_id: str | None
    net: int | None
    status: str | None
    currency: str | None
    its_rail: str | None
    taken_day: date | None
    repeated: bool


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A payout that a line without a known id may be, and the rule that found it."""

    store_id: str
    withdrawal_id: str
    rule: Rule
    score: int


_BY_RULE: dict[Rule, tuple[str, str]] = {
    "account": (
        "同账号、同金额的提现,但不止一笔相符",
        "a payout of that amount to that account, but not the only fit",
    ),
    "name": ("同户名、同金额的提现", "a payout of that amount to an account holder of that name"),
    "amount": ("唯一一笔同金额的未对账提现", "the only open payout of that amount"),
}


def break_of_line(
    line: UnmatchedLine, candidate: Candidate | None, *, rail: str, day: date, currency: str
) -> Found:
    """What is off with a line that is nobody's."""
    kind, zh, en = _judged(line, rail=rail, currency=currency)
    suggestion = None
    if line.store_id is not None and line.withdrawal_id is not None:
        suggestion = Suggestion(store_id=line.store_id, withdrawal_id=line.withdrawal_id, score=100)
    elif candidate is not None:
        rule_zh, rule_en = _BY_RULE[candidate.rule]
        zh, en = f"{zh};可能是{rule_zh}", f"{en}; perhaps {rule_en}"
        suggestion = Suggestion(
            store_id=candidate.store_id, withdrawal_id=candidate.withdrawal_id, score=candidate.score
        )
    return Found(
        day=day,
        kind=kind,
        amount=-line.amount if line.credit else line.amount,
        why_zh=zh,
        why_en=en,
        match_kind="return" if line.credit else "payment",
        line_number=line.number,
        suggestion=suggestion,
    )


def _judged(line: UnmatchedLine, *, rail: str, currency: str) -> tuple[BreakKind, str, str]:
    """The kind of break, and why, in Chinese and English."""
    if line.withdrawal_id is None:
        if line.repeated:
            return "line_twice", "银行流水号此前已出现", "a line with the bank's reference came before"
        return "line_without_payout", "没有对应的提现", "no payout of ours"
    if line.its_rail != rail:
        return (
            "line_without_payout",
            "该提现未经此通道付款",
            "the payout it names did not go over this rail",
        )
    if line.net != line.amount or line.currency != currency:
        booked, ours = in_words(line.amount, currency), in_words(line.net or 0, line.currency or currency)
        return (
            "amount_differs",
            f"银行记账 {booked},账面应为 {ours}",
            f"the bank booked {booked}, the books say {ours}",
        )
    if line.taken_day is not None:
        return (
            "line_twice",
            f"该提现已由 {line.taken_day} 的对账单列示",
            f"the statement of {line.taken_day} has a line of that payout already",
        )
    if line.credit:
        return (
            "line_without_payout",
            "银行退回了账面从未付出的提现",
            "a payout came back that the books never saw paid",
        )
    return (
        "line_without_payout",
        f"银行已付款,但账面状态为 {line.status}",
        f"the bank paid it, yet the books say {line.status}",
    )


def break_of_payout(*, store_id: str, withdrawal_id: str, net: int, kind: MatchKind, day: date) -> Found:
    """A payout the books have as booked on `day`, or as come back, that no line shows."""
    paid = kind == "payment"
    return Found(
        day=day,
        kind="payout_without_line",
        amount=-net if paid else net,
        why_zh="账面已付款,对账单没有这一笔" if paid else "账面已退回,对账单没有这一笔",
        why_en="the books have it paid, no statement shows it"
        if paid
        else "the books have it back, no statement shows it",
        match_kind=kind,
        store_id=store_id,
        withdrawal_id=withdrawal_id,
    )


def break_of_missing_day(day: date) -> Found:
    """A working day without a statement, though a later one came."""
    return Found(
        day=day,
        kind="day_missing",
        amount=0,
        why_zh="该工作日没有对账单",
        why_en="no statement of that working day",
    )


def break_of_opening(earlier: End, later: End, *, currency: str) -> Found:
    """A statement that does not begin where the one before ended."""
    began, ended = in_words(later.opening, currency), in_words(earlier.closing, currency)
    return Found(
        day=later.day,
        kind="opening_differs",
        amount=earlier.closing - later.opening,
        why_zh=f"期初余额 {began},而 {earlier.day} 的期末余额为 {ended}",
        why_en=f"it opens with {began}, the statement of {earlier.day} closed with {ended}",
    )
