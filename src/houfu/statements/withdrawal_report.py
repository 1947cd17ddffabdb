"""The report of withdrawals: what became of those asked on some days, why some failed, and when the others arrived (D4, D1).

A withdrawal belongs to the local day on which it was asked, whatever day it ends on: so each is counted once, and shares of
one report compare like with like. Shares are basis points and add up to 10,000: each is rounded down, and the points that are
left go one each to those whose remainder was largest, the earlier one first where two are alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from houfu.core.reason import Language, Reason, message
from houfu.withdrawals.bank_reasons import in_words

WHOLE_BP: Final = 10_000
SUM_MAX: Final = 2**63 - 1
"""Where sums of money stop."""


class Group(StrEnum):
    """What kind of failure a reason tells of: the five of D4, and the rest."""

    NOT_ENOUGH = "not_enough"
    ACCOUNT_ABNORMAL = "account_abnormal"
    MAINTENANCE = "maintenance"
    ACCOUNT_FROZEN = "account_frozen"
    FEE_DISPUTED = "fee_disputed"
    OTHER = "other"


GROUP_OF: Final[Mapping[Reason, Group]] = MappingProxyType(
    {
        Reason.BALANCE_INSUFFICIENT: Group.NOT_ENOUGH,
        Reason.LIMIT_NOT_WITHDRAWABLE: Group.NOT_ENOUGH,  # more than the balance too, which holds nothing at all (A6)
        Reason.ACCOUNT_ABNORMAL: Group.ACCOUNT_ABNORMAL,
        Reason.DAILY_COUNT_EXCEEDED: Group.ACCOUNT_ABNORMAL,  # D6: that often is abnormal
        Reason.MAINTENANCE: Group.MAINTENANCE,
        Reason.ACCOUNT_FROZEN: Group.ACCOUNT_FROZEN,
        Reason.FEE_DISPUTED: Group.FEE_DISPUTED,
    }
)
"""The group of each reason that D4 names; every other is `other`."""

_GROUP_WORDS: Final[Mapping[Group, tuple[str, str]]] = MappingProxyType(
    {
        Group.NOT_ENOUGH: ("余额不足", "Not enough balance"),
        Group.ACCOUNT_ABNORMAL: ("账户异常", "Account abnormal"),
        Group.MAINTENANCE: ("系统维护", "Maintenance"),
        Group.ACCOUNT_FROZEN: ("账户冻结", "Account frozen"),
        Group.FEE_DISPUTED: ("手续费争议", "Fee disputed"),
        Group.OTHER: ("其他", "Other"),
    }
)


class WithdrawalDay(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the withdrawals asked on one local day. Counts, and sums in minor units.

    `accepted` of those `asked` are `open` still, `paid`, `failed` by the bank or `canceled`. `fees` are those of paid ones and
    what failed ones were charged (D5); `returned` went back to balances. Of those paid, `on_time` were booked on the
    expected day or before, `by_latest` after it but not after the latest, `late` after that (D1). `disputed` are those whose
    fee is doubted, whatever became of them.
    """

    day: date
    asked: int = 0
    accepted: int = 0
    accepted_amount: int = 0
    open: int = 0
    paid: int = 0
    paid_net: int = 0
    fees: int = 0
    canceled: int = 0
    failed: int = 0
    returned: int = 0
    on_time: int = 0
    by_latest: int = 0
    late: int = 0
    disputed: int = 0
    refused: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    """How many were refused, by reason."""
    failed_by_bank: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    """How many failed, by the bank's code."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of some days: see `WithdrawalDay`."""

    asked: int
    accepted: int
    accepted_amount: int
    refused: int
    open: int
    paid: int
    paid_net: int
    fees: int
    canceled: int
    failed: int
    returned: int
    disputed: int


class DayFigures(Totals, frozen=True, kw_only=True):
    """One day of the series."""

    day: date


class Punctuality(msgspec.Struct, frozen=True, kw_only=True):
    """When what was paid arrived: on the expected day, by the latest, or late, each with its share of them all (D1)."""

    arrived: int
    on_time: int
    on_time_bp: int
    by_latest: int
    by_latest_bp: int
    late: int
    late_bp: int


class BankFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A code the bank gave, in words, and how often."""

    code: str
    message: str
    count: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A reason, its group, how often it was given, and its share of all failures."""

    reason: Reason
    group: Group
    message: str
    count: int
    share_bp: int
    bank_reasons: tuple[BankFailure, ...] = ()


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of reasons: the sum of their counts and of their shares."""

    group: Group
    message: str
    count: int
    share_bp: int


class WithdrawalReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report as it was at `as_of`; None before it was ever made. Of one store, or of all where `store_id` is None.

    `days` are those on which something was asked, oldest first. What counts as a failure is a refusal, a payment that the
    bank did not make, and a doubted fee (D4).
    """

    as_of: datetime | None
    store_id: str | None
    currency: str
    from_day: date
    to_day: date
    totals: Totals
    punctuality: Punctuality
    failure_groups: tuple[FailureGroup, ...]
    failures: tuple[Failure, ...]
    days: tuple[DayFigures, ...]


def withdrawal_report(
    days: Sequence[WithdrawalDay],
    *,
    as_of: datetime | None,
    store_id: str | None,
    currency: str,
    from_day: date,
    to_day: date,
    language: Language,
) -> WithdrawalReport:
    """The report of these days, in words of a language."""
    reasons = failures(days, language)
    return WithdrawalReport(
        as_of=as_of,
        store_id=store_id,
        currency=currency,
        from_day=from_day,
        to_day=to_day,
        totals=Totals(**_sums(days)),
        punctuality=punctuality(days),
        failure_groups=failure_groups(reasons, language),
        failures=reasons,
        days=tuple(DayFigures(day=day.day, **_sums([day])) for day in days),
    )


def shares_bp(counts: Sequence[int]) -> list[int]:
    """The share of each count in their sum, in basis points, by largest remainder: they add up to 10,000, or are all 0."""
    whole = sum(counts)
    if not whole:
        return [0] * len(counts)
    parts = [divmod(count * WHOLE_BP, whole) for count in counts]
    shares = [share for share, _ in parts]
    left = WHOLE_BP - sum(shares)
    for place in sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left]:
        shares[place] += 1
    return shares


def punctuality(days: Sequence[WithdrawalDay]) -> Punctuality:
    """When what was paid arrived."""
    counts = [
        _sum(day.on_time for day in days),
        _sum(day.by_latest for day in days),
        _sum(day.late for day in days),
    ]
    on_time, by_latest, late = counts
    on_time_bp, by_latest_bp, late_bp = shares_bp(counts)
    return Punctuality(
        arrived=sum(counts),
        on_time=on_time,
        on_time_bp=on_time_bp,
        by_latest=by_latest,
        by_latest_bp=by_latest_bp,
        late=late,
        late_bp=late_bp,
    )


def failures(days: Sequence[WithdrawalDay], language: Language) -> tuple[Failure, ...]:
    """Why withdrawals failed, the most frequent reason first; reasons in the order of their list where they are as frequent."""
    by_reason = _added(day.refused for day in days)
    by_code = _added(day.failed_by_bank for day in days)
    by_reason[Reason.BANK_REJECTED] = sum(by_code.values())
    by_reason[Reason.FEE_DISPUTED] = sum(day.disputed for day in days)
    counted = sorted(
        ((reason, by_reason[reason]) for reason in Reason if by_reason.get(reason)), key=lambda each: -each[1]
    )
    shares = shares_bp([count for _, count in counted])
    return tuple(
        Failure(
            reason=reason,
            group=GROUP_OF.get(reason, Group.OTHER),
            message=message(reason, language),
            count=count,
            share_bp=share_bp,
            bank_reasons=_bank_failures(by_code, language) if reason is Reason.BANK_REJECTED else (),
        )
        for (reason, count), share_bp in zip(counted, shares, strict=True)
    )


def failure_groups(reasons: Sequence[Failure], language: Language) -> tuple[FailureGroup, ...]:
    """The reasons by group, every group of D4 in its order, also where nothing failed for it."""
    return tuple(
        FailureGroup(
            group=group,
            message=_GROUP_WORDS[group][1 if language == "en" else 0],
            count=sum(each.count for each in reasons if each.group is group),
            share_bp=sum(each.share_bp for each in reasons if each.group is group),
        )
        for group in Group
    )


def _bank_failures(by_code: Mapping[str, int], language: Language) -> tuple[BankFailure, ...]:
    return tuple(
        BankFailure(code=code, message=in_words(code, None, language), count=count)
        for code, count in sorted(by_code.items(), key=lambda each: (-each[1], each[0]))
    )


def _sums(days: Sequence[WithdrawalDay]) -> dict[str, int]:
    """The totals of days by name."""
    sums = {
        name: _sum(getattr(day, name) for day in days)
        for name in Totals.__struct_fields__
        if name != "refused"
    }
    return sums | {"refused": sum(sum(day.refused.values()) for day in days)}


def _sum(parts: Iterable[int]) -> int:
    return min(SUM_MAX, sum(parts))


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    added: dict[str, int] = {}
    for each in counts:
        for key, count in each.items():
            added[key] = added.get(key, 0) + count
    return added
