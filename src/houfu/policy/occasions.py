"""When every store is looked at: the moments of the policy's calendar.

The quarter (B9), the monthly checks of the rules and of usage (E2), and the first day of a promotion (B6). Each occasion
has a name, so that it is met once.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from houfu.core.clock import in_utc
from houfu.policy.document import Policy
from houfu.policy.periods import PERIOD_MONTHS, add_months, local_day, midnight, next_period

Cause = Literal["quarter", "month_check", "promotion", "usage_check"]


class Occasion(msgspec.Struct, frozen=True, order=True):
    """A moment at which every store is looked at, and why. `name` is the same whoever looks, and unlike all others."""

    at: datetime
    cause: Cause
    name: str


def next_occasion(policy: Policy, after: datetime) -> Occasion:
    """The first occasion of the policy's calendar later than `after`."""
    today = local_day(after, policy.zone)
    return min(occasion for occasion in _near(policy, today) if occasion.at > in_utc(after))


def occasions(policy: Policy, after: datetime, until: datetime) -> Iterator[Occasion]:
    """The occasions of the policy's calendar later than `after`, up to and including `until`, in order."""
    while (found := next_occasion(policy, after)).at <= in_utc(until):
        at = found.at
        yield from sorted(o for o in _near(policy, local_day(at, policy.zone)) if o.at == at)
        after = at


def _near(policy: Policy, today: date) -> Iterable[Occasion]:
    """At least every occasion from `today` to the next of each kind."""
    terms, zone = policy.terms, policy.zone

    def on(day: date, cause: Cause, name: str) -> Occasion:
        return Occasion(midnight(day, zone), cause, name)

    months = PERIOD_MONTHS[terms.assessment.every]
    for day in (next_period(today - timedelta(days=1), months), next_period(today, months)):
        yield on(day, "quarter", f"{day:%Y-%m}")
    if terms.assessment.check_day is not None:
        for ahead in (0, 1):
            day = add_months(today.replace(day=1), ahead).replace(day=terms.assessment.check_day)
            yield on(day, "month_check", f"{day:%Y-%m}")
    for ahead in (0, 1):
        day = add_months(today.replace(day=1), ahead).replace(day=terms.guidance.usage_check_day)
        yield on(day, "usage_check", f"{day:%Y-%m}")
    for window in terms.promotion_windows:
        for year in (today.year, today.year + 1):
            yield on(window.first_day(year), "promotion", f"{window.code} {year}")
