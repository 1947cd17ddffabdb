"""The terms a withdrawal is judged by: the policy's clause on withdrawals in the programme's time zone."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from houfu.core.calendar import ClosedWindow, next_time
from houfu.policy.terms import PolicyTerms, Withdrawals

_MINUTE: Final = timedelta(minutes=1)


class WithdrawalTerms(msgspec.Struct, frozen=True):
    """The clause as the policy writes it, and the zone and closed window its times are meant in."""

    clause: Withdrawals
    zone: tzinfo
    closed: ClosedWindow

    def local(self, moment: datetime) -> datetime:
        """The moment as the programme's clocks show it."""
        return moment.astimezone(self.zone)

    def shown(self, moment: datetime) -> str:
        """The moment as people read it, local, to the minute; a begun minute counts as the next one, so that nobody
        comes back too early."""
        rest = timedelta(seconds=moment.second, microseconds=moment.microsecond)
        return f"{self.local(moment if not rest else moment - rest + _MINUTE):%Y-%m-%d %H:%M}"

    def opening(self, moment: datetime) -> datetime:
        """The first moment from `moment` on at which withdrawals are open (D3)."""
        local = self.local(moment)
        if not self.closed.closed_at(local.time()):
            return local
        return next_time(self.closed.closed_until, local)


def withdrawal_terms(policy: PolicyTerms) -> WithdrawalTerms:
    """The terms of withdrawals under one policy version."""
    clause = policy.withdrawals
    return WithdrawalTerms(
        clause=clause,
        zone=ZoneInfo(policy.timezone),
        closed=ClosedWindow(clause.closed.start_time(), clause.closed.end_time()),
    )


TermsAt = Callable[[datetime], WithdrawalTerms]
"""The terms in force at a moment."""
