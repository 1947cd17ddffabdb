"""How much and how often a store may withdraw in a local day and in any 24 hours, and from when it may again.

A withdrawal counts for 24 hours from the moment it was asked: at that very moment of the next day it counts no more.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec

from houfu.core.calendar import local_moment
from houfu.core.money import share_floor
from houfu.withdrawals.account import Account, Earlier, History
from houfu.withdrawals.terms import WithdrawalTerms

HOURS_24: Final = timedelta(hours=24)
_DAY: Final = timedelta(days=1)


class Ceiling(msgspec.Struct, frozen=True):
    """The most a store may withdraw now by one rule on sums, fen; 0 or less: nothing.

    `cap` is what the rule allows in all, and `counted` what counts against it, oldest first; without them it is the
    rule of the local day.
    """

    most: int
    cap: int | None = None
    counted: tuple[Earlier, ...] = ()


def ceilings(terms: WithdrawalTerms, account: Account, history: History) -> tuple[Ceiling, ...]:
    """The rules on sums that are in force. A share of the limit needs a limit: without one it is not in force."""
    clause = terms.clause
    found: list[Ceiling] = []
    if clause.day_amount_max is not None:
        found.append(Ceiling(clause.day_amount_max - history.day_amount))
    caps: list[int] = []
    if clause.hours_24.amount_max is not None:
        caps.append(clause.hours_24.amount_max)
    if clause.hours_24.share_max_bp is not None and account.limit_total > 0:
        caps.append(share_floor(account.limit_total, clause.hours_24.share_max_bp))
    if caps:
        cap = min(caps)
        taken = sum(earlier.amount for earlier in history.hours_24)
        found.append(Ceiling(cap - taken, cap, history.hours_24))
    return tuple(found)


def count_free_at(
    terms: WithdrawalTerms, history: History, *, asked_at: datetime, today_full: bool, hours_full: bool
) -> datetime:
    """From when one more withdrawal is not one too many: the next local day, and once enough of the last 24 hours'
    are older than that."""
    moments = [asked_at]
    if today_full:
        moments.append(_next_day(terms, asked_at))
    count_max = terms.clause.hours_24.count_max
    if hours_full and count_max is not None:
        # With a most of none at all it never is: then the newest counts, as near as one can say.
        leaving = len(history.hours_24) - max(1, count_max)
        moments += [earlier.asked_at + HOURS_24 for earlier in history.hours_24[max(0, leaving) :][:1]]
    return terms.opening(max(moments))


def sum_free_at(
    terms: WithdrawalTerms, over: Sequence[Ceiling], amount: int, *, asked_at: datetime
) -> datetime:
    """From when more is possible than now: `amount` itself, or where it never will be in one day, as much as ever."""
    moments = [asked_at]
    for ceiling in over:
        if ceiling.cap is None:
            moments.append(_next_day(terms, asked_at))
        else:
            moments.append(_room_at(ceiling.cap, ceiling.counted, amount, asked_at=asked_at))
    return terms.opening(max(moments))


def _room_at(cap: int, counted: Sequence[Earlier], amount: int, *, asked_at: datetime) -> datetime:
    room = cap - sum(earlier.amount for earlier in counted)
    for earlier in counted:
        room += earlier.amount
        if amount <= room:
            return earlier.asked_at + HOURS_24
    # It never fits: all that counts is gone, or, where nothing counts yet, what may be taken now is.
    return (counted[-1].asked_at if counted else asked_at) + HOURS_24


def _next_day(terms: WithdrawalTerms, asked_at: datetime) -> datetime:
    today: date = terms.local(asked_at).date()
    return local_moment(today + _DAY, time(), terms.zone)
