"""A store as it was known at a moment of the past: what its inputs were then, whatever was corrected since.

A month's metrics, a fact, an assessment count from the moment they were recorded. A correction recorded later is
another snapshot's business.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from houfu.policy.document import Policy
from houfu.policy.fault import InputInvalid, InputMissing, InvalidInput
from houfu.policy.inputs import Fact, MonthMetrics, StoreFacts, measure_inputs
from houfu.policy.periods import add_months, midnight, next_period

Every = Literal["month", "quarter"]
PERIOD_MONTHS: dict[Every, int] = {"month": 1, "quarter": 3}

B_COLUMN = "__b"
"""What the column of an input ends with where the second policy measures it differently."""

_BY_MEASURES = frozenset(
    {"dsr_held_months", "orders_held_months", "violations_12m", "serious_violation", "course_active"}
)


class Moment(NamedTuple):
    """The local midnight at which `day` begins."""

    day: date
    at: datetime


class Revision(msgspec.Struct, frozen=True, gc=False):
    """A month's metrics, and when they became known."""

    metrics: MonthMetrics
    recorded_at: datetime


class KnownFact(msgspec.Struct, frozen=True, gc=False):
    fact: Fact
    recorded_at: datetime


class PastAssessment(msgspec.Struct, frozen=True, gc=False):
    """When the store was assessed, and the level and phone it was assessed with, if the policy asked for them."""

    occurred_at: datetime
    recorded_at: datetime
    level: int | None
    virtual_phone: int | None


class PastWithdrawal(msgspec.Struct, frozen=True, gc=False):
    """An accepted withdrawal, fen, the limit at that time, and when it failed or was canceled."""

    asked_at: datetime
    asked_on: date
    amount: int
    limit_total: int
    undone_at: datetime | None


class StoreHistory(msgspec.Struct, frozen=True, kw_only=True):
    """All that was ever recorded of a store, each list in the order it happened; revisions by month, then number.

    `store` is what it is now: of what it was before only its assessments tell. `ordered` has the amount of the orders
    that were authorized in each local month, fen, by its first day.
    """

    store_id: str
    category: str
    store: StoreFacts
    recorded_at: datetime
    revisions: Sequence[Revision] = ()
    facts: Sequence[KnownFact] = ()
    assessments: Sequence[PastAssessment] = ()
    withdrawals: Sequence[PastWithdrawal] = ()
    ordered: Mapping[date, int] = {}

    def existed(self, moment: Moment, *, backfilled: bool) -> bool:
        """Whether the store was open and known."""
        return self.store.opened_on <= moment.day and (backfilled or self.recorded_at <= moment.at)

    def ordered_before(self, moment: Moment) -> int:
        """The orders of the last full local month, fen."""
        return self.ordered.get(add_months(moment.day.replace(day=1), -1), 0)


def moments(first: date, last: date, *, every: Every, day: int, zone: ZoneInfo) -> tuple[Moment, ...]:
    """The `day` of every month, or of the first month of every quarter, from `first` to `last`, both included."""
    months = PERIOD_MONTHS[every]
    found: list[Moment] = []
    start = add_months(next_period(first, months), -months)
    while start <= last:
        on = start.replace(day=day)
        if first <= on <= last:
            found.append(Moment(on, midnight(on, zone)))
        start = add_months(start, months)
    return tuple(found)


def check_day(policy: Policy) -> int:
    """The day of the month on which the policy looks at every store: by then the month before is reported."""
    return policy.terms.assessment.check_day or policy.terms.guidance.usage_check_day


def inputs_at(
    policy: Policy,
    history: StoreHistory,
    moment: Moment,
    *,
    headroom: Mapping[str, int],
    backfilled: bool = False,
) -> dict[str, int]:
    """Every input of `policy` as it could be known at `moment`.

    `backfilled`: for what was recorded long after it happened. A month's first revision then counts from the end of the
    month, a fact from when it happened. Raises InputMissing, or InputInvalid where a value is out of its range.
    """
    zone = policy.zone
    known = [fact.fact for fact in history.facts if backfilled or fact.recorded_at <= moment.at]
    past = [each for each in history.assessments if each.recorded_at <= moment.at]
    inputs = measure_inputs(
        policy,
        _store_at(history.store, past),
        months=list(_months_at(history.revisions, moment, zone, backfilled=backfilled)),
        facts=known,
        grants=(),
        day_withdrawn_share_bp=_day_share(history.withdrawals, past, moment),
        now=moment.at,
        headroom=headroom,
    )
    check_ranges(policy, inputs)
    return inputs


def check_ranges(policy: Policy, inputs: Mapping[str, int]) -> None:
    """Raises InputInvalid where a value is out of the range that `policy` declares for it."""
    outside = [
        InvalidInput(term.name, f"is out of its range: {inputs[term.name]}")
        for term in policy.terms.inputs
        if not term.min <= inputs[term.name] <= term.max
    ]
    if outside:
        raise InputInvalid(tuple(outside))


def problem_of(error: InputMissing | InputInvalid) -> str:
    """What kept a store from being measured, in words that are the same for all who lack the same."""
    if isinstance(error, InputInvalid):
        return str(error)
    months = sorted({entry.month for entry in error.missing if entry.month is not None})
    if months:
        return f"no metrics of {', '.join(months)}"
    return str(error)


def measured_apart(a: Policy, b: Policy) -> frozenset[str]:
    """The inputs of both that `b` measures in another way than `a`."""
    known = {term.name: term.when_missing for term in a.terms.inputs}
    apart = {term.name for term in b.terms.inputs if known.get(term.name) != term.when_missing}
    if a.terms.measures != b.terms.measures:
        apart |= _BY_MEASURES
    if a.terms.promotion_windows != b.terms.promotion_windows:
        apart.add("promotion_open")
    lent = {partner.headroom: partner.code for partner in a.terms.partners}
    apart |= {partner.headroom for partner in b.terms.partners if lent.get(partner.headroom) != partner.code}
    return frozenset(apart & known.keys() & {term.name for term in b.terms.inputs})


def _store_at(now: StoreFacts, past: Sequence[PastAssessment]) -> StoreFacts:
    """The store's level and phone at its newest assessment known then; as they are now where there was none."""
    if not past:
        return now
    newest = past[-1]
    return StoreFacts(
        level=now.level if newest.level is None else newest.level,
        opened_on=now.opened_on,
        phone_kind=now.phone_kind
        if newest.virtual_phone is None
        else ("virtual" if newest.virtual_phone else "mobile"),
    )


def _months_at(
    revisions: Sequence[Revision], moment: Moment, zone: ZoneInfo, *, backfilled: bool
) -> Iterator[MonthMetrics]:
    seen: date | None = None
    for revision in revisions:
        month = revision.metrics.month
        first, seen = month != seen, month
        ended = backfilled and first and midnight(add_months(month, 1), zone) <= moment.at
        if ended or revision.recorded_at <= moment.at:
            yield revision.metrics


def _day_share(withdrawals: Sequence[PastWithdrawal], past: Sequence[PastAssessment], moment: Moment) -> int:
    """The highest share of the limit withdrawn in one day since the newest assessment, rounded up (B11).

    A day's share is what the day had come to at each of its withdrawals, of those that had not failed by the moment.
    """
    since = past[-1].occurred_at if past else datetime.min.replace(tzinfo=UTC)
    highest, day, amount = 0, date.min, 0
    for each in withdrawals:
        if each.asked_at > moment.at or (each.undone_at is not None and each.undone_at <= moment.at):
            continue
        amount = each.amount + (amount if each.asked_on == day else 0)
        day = each.asked_on
        if each.asked_at >= since and each.limit_total > 0:
            highest = max(highest, -(-amount * 10_000 // each.limit_total))
    return highest
