"""A risk review of a store that broke a rule of withdrawals (D9, D10): why it opened, until when it is decided, and
what each outcome does.

    broken rule --> open --cleared--> the line is resumed and assessed anew
                      +-----upheld--> the line stays suspended

A store has at most one open review for each rule; what breaks the rule again meanwhile is covered by that one.
"""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from houfu.core.calendar import Calendar
from houfu.lines.cause import Cause
from houfu.withdrawals.preview import Preview
from houfu.withdrawals.terms import WithdrawalTerms

PREFIX: Final = "rv"
"""The prefix of a review's public id."""

AUTHOR: Final = "programme"
"""Who suspends a line because a rule was broken. A person's or a key's name has a colon."""

Rule = Literal["B11", "D6"]
ReviewStatus = Literal["open", "cleared", "upheld"]
Outcome = Literal["cleared", "upheld"]
Document = Literal["bank_statements_3_months"]

DOCUMENTS: Final[tuple[Document, ...]] = ("bank_statements_3_months",)
"""What the store is asked for (D10)."""

CAUSES: Final[Mapping[Rule, Cause]] = MappingProxyType(
    {"B11": Cause.WITHDRAWAL_SHARE_EXCEEDED, "D6": Cause.WITHDRAWAL_COUNT_EXCEEDED}
)
"""Why the line of a store that breaks a rule is suspended."""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A review. `withdrawal_id` is the request that broke the rule: an accepted one (B11), or one that was refused
    (D6). `due_on` is the last local day on which it is decided in time. `note` is what the person who decided wrote."""

    store_id: str
    id: str
    rule: Rule
    withdrawal_id: str
    status: ReviewStatus
    opened_at: datetime
    due_on: date
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None

    def overdue(self, today: date) -> bool:
        """Whether it is open still after its last day."""
        return self.status == "open" and today > self.due_on


def broken_rule(seen: Preview) -> Rule | None:
    """The rule that a request breaks which was judged so.

    More than the share of the limit in a day (B11) is warned of and accepted; more often than a day may have (D6) is
    refused. A preview breaks neither.
    """
    rules = {caution.rule for caution in seen.warnings}
    if seen.accepted:
        return "B11" if "B11" in rules else None
    return "D6" if "D6" in rules else None


def due_on(terms: WithdrawalTerms, calendar: Calendar, opened_at: datetime) -> date:
    """The last day on which a review that opened then is decided in time (D10)."""
    return calendar.add_working_days(terms.local(opened_at).date(), terms.clause.review.working_days)
