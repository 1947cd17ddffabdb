"""The terms a withdrawal is judged by: the policy's clause on withdrawals in the programme's time zone."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from houfu.core.calendar import ClosedWindow
from houfu.policy.terms import PolicyTerms, Withdrawals


@dataclass(frozen=True, slots=True)
class WithdrawalTerms:
    """The clause as the policy writes it, and the zone and closed window its times are meant in."""

    clause: Withdrawals
    zone: tzinfo
    closed: ClosedWindow

    def local(self, moment: datetime) -> datetime:
        """The moment as the programme's clocks show it."""
        return moment.astimezone(self.zone)


def withdrawal_terms(policy: PolicyTerms) -> WithdrawalTerms:
    """The terms of withdrawals under one policy version."""
    clause = policy.withdrawals
    return WithdrawalTerms(
        clause=clause,
        zone=ZoneInfo(policy.timezone),
        closed=ClosedWindow(clause.closed.start_time(), clause.closed.end_time()),
    )
