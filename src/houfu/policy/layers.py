"""A decision's layers with their dates."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from houfu.core.clock import in_utc
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision
from houfu.policy.inputs import EmergencyGrant, grants_in_force
from houfu.policy.periods import local_day, midnight, period_end, window_end, window_on
from houfu.policy.terms import LayerTerm

BASE = "base"


class DatedLayer(Struct, frozen=True, kw_only=True):
    """A part of a limit, fen, in force from `valid_from` until `valid_until` (excluded; None: no end).

    `reason` is the code of the rule that made it; its words are in `policy_reasons`.
    """

    kind: str
    amount: int
    valid_from: datetime
    valid_until: datetime | None
    reason: str


def date_layers(
    policy: Policy,
    decision: Decision,
    *,
    assessed_at: datetime,
    course_completed_at: datetime | None,
    grants: Sequence[EmergencyGrant],
) -> tuple[DatedLayer, ...]:
    """The decision's layers of more than nothing, base first, dated from `assessed_at` (moments in UTC).

    A layer with a lag begins that many months later, and not at all where it would have ended by then. One that
    unwinds has a part for each of its steps. An emergency layer is dated from its grant, one layer for each grant in force. No two layers share
    kind and `valid_from`. Raises ValueError where a dated fact the decision rests on was not given.
    """
    start = in_utc(assessed_at)
    dated: list[DatedLayer] = []
    if decision.base > 0:
        found = next(reason.code for reason in decision.reasons if reason.effect == "base")
        dated.append(
            DatedLayer(kind=BASE, amount=decision.base, valid_from=start, valid_until=None, reason=found)
        )
    for term in policy.terms.layers:
        amount = decision.layers[term.kind]
        if amount == 0:
            continue
        if term.lasts.until == "grant_end":
            dated.extend(_granted(term, amount, grants_in_force(grants, start)))
        else:
            begin = period_end(start, term.lag_months, policy.zone) if term.lag_months else start
            end = _end(policy, term, start, begin, course_completed_at)
            if end > begin:
                dated.extend(_unwound(policy, term, amount, begin, end))
    return tuple(dated)


def _unwound(
    policy: Policy, term: LayerTerm, amount: int, begin: datetime, end: datetime
) -> list[DatedLayer]:
    """The layer until its end, and what is left of it while it unwinds, floored to the fen."""
    made = [DatedLayer(kind=term.kind, amount=amount, valid_from=begin, valid_until=end, reason=term.kind)]
    if (unwinds := term.unwinds) is not None:
        for left in range(unwinds.steps - 1, 0, -1):
            until = midnight(local_day(end, policy.zone) + timedelta(days=unwinds.days), policy.zone)
            if kept := amount * left // unwinds.steps:
                made.append(
                    DatedLayer(
                        kind=term.kind, amount=kept, valid_from=end, valid_until=until, reason=term.kind
                    )
                )
            end = until
    return made


def _end(
    policy: Policy,
    term: LayerTerm,
    start: datetime,
    begin: datetime,
    course_completed_at: datetime | None,
) -> datetime:
    zone = policy.zone
    if term.lasts.months is not None:
        return period_end(begin, term.lasts.months, zone)
    if term.lasts.until == "course_end":
        if course_completed_at is None:
            raise ValueError(f"layer {term.kind}: no course completion was given")
        end = period_end(course_completed_at, policy.terms.measures.course_months, zone)
    else:
        today = local_day(start, zone)
        window = window_on(policy.terms.promotion_windows, today)
        if window is None:
            raise ValueError(f"layer {term.kind}: no promotion window is open on {today}")
        end = window_end(window, today, zone)
    if end <= start:
        raise ValueError(f"layer {term.kind}: it ended at {end.isoformat()}, before the assessment")
    return end


def _granted(term: LayerTerm, amount: int, grants: Sequence[EmergencyGrant]) -> list[DatedLayer]:
    if not grants:
        raise ValueError(f"layer {term.kind}: no grant in force was given")
    begun: dict[datetime, tuple[int, datetime]] = {}
    for grant in grants:
        start, end = in_utc(grant.granted_at), in_utc(grant.ends_at)
        granted, earliest = begun.get(start, (0, end))
        begun[start] = (granted + grant.amount, min(earliest, end))
    if sum(granted for granted, _ in begun.values()) != amount:
        # The policy made something else of the grants: it stands no longer than the first of them.
        begun = {min(begun): (amount, min(end for _, end in begun.values()))}
    return [
        DatedLayer(kind=term.kind, amount=granted, valid_from=start, valid_until=end, reason=term.kind)
        for start, (granted, end) in sorted(begun.items())
        if granted > 0
    ]
