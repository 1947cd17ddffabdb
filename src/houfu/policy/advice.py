"""What would raise this store's limit: the policy asked again with one thing changed (E3)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from msgspec import Struct

from houfu.calendars.countries import calendar_of
from houfu.core.calendar import Calendar
from houfu.policy.compile import Answer, Inputs, compile_policy
from houfu.policy.document import Policy
from houfu.policy.evaluate import evaluate, limit_total, policy_reasons
from houfu.policy.inputs import RECENT_MONTHS
from houfu.policy.periods import PERIOD_MONTHS, add_months, next_period
from houfu.policy.terms import AdviceTerm, Change, InputTerm

_ROLLING = tuple(f"return_rate_m{nth}_bp" for nth in range(1, RECENT_MONTHS + 1))
"""Inputs of one month each, newest first: as months end, each takes the value of the one before it."""


class Advice(Struct, frozen=True, kw_only=True):
    """An action and what it would add to the total, fen, once all of it stands.

    `when`: the soonest local day on which the total can rise. `latest_on`: the day by which all of it stands without
    anybody asking, when the programme next looks at every store. `together_with`: the other actions without which it adds
    nothing; `gain` is then what all of them add.
    """

    action: str
    message_zh: str
    message_en: str
    gain: int
    when: date
    latest_on: date
    together_with: tuple[str, ...] = ()


class _Store(Struct, frozen=True, kw_only=True):
    """What the days of an advice depend on."""

    inputs: dict[str, int]
    today: date
    opened_on: date | None
    last_violation_on: date | None
    calendar: Calendar


def advise(
    policy: Policy,
    inputs: Inputs,
    *,
    today: date,
    opened_on: date | None = None,
    last_violation_on: date | None = None,
    calendar: Calendar | None = None,
) -> tuple[Advice, ...]:
    """The actions that would raise the total, the greatest gain first, then the soonest.

    `today`, `opened_on` and `last_violation_on` are local days. Without the latter two, the day of an action that depends
    on them is the latest it could be. `calendar` tells working days; None: the programme's own, as
    it is before any notice is imported. Raises as `evaluate` does.
    """
    now = evaluate(policy, inputs)
    store = _Store(
        inputs=now.inputs,
        today=today,
        opened_on=opened_on,
        last_violation_on=last_violation_on,
        calendar=calendar or calendar_of(policy.terms.calendar, today.year),
    )
    decide = compile_policy(policy).decide
    before = decide(now.inputs)
    found: list[Advice] = []
    for term in policy.terms.advice:
        after = decide(_changed(policy, now.inputs, [term]))
        if after[0] > now.total:
            found.append(_advice(policy, term, before, after, store))
    if not found and now.zeroed:
        found = _together(policy, decide, before, store)
    return tuple(sorted(found, key=lambda advice: (-advice.gain, advice.when, advice.action)))


def _together(
    policy: Policy, decide: Callable[[Inputs], Answer], before: Answer, store: _Store
) -> list[Advice]:
    """Where several rules make the total zero no action helps alone: those that end one of them, done together."""
    zero = sum(1 << bit for bit, reason in enumerate(policy_reasons(policy)) if reason.effect == "zero")
    ending = [
        term
        for term in policy.terms.advice
        if before[4] & zero & ~decide(_changed(policy, store.inputs, [term]))[4]
    ]
    after = decide(_changed(policy, store.inputs, ending))
    if after[0] <= before[0]:
        return []
    alone = [_advice(policy, term, before, after, store) for term in ending]
    when, latest_on = max(each.when for each in alone), max(each.latest_on for each in alone)
    actions = [term.action for term in ending]
    return [
        Advice(
            action=each.action,
            message_zh=each.message_zh,
            message_en=each.message_en,
            gain=each.gain,
            when=when,
            latest_on=latest_on,
            together_with=tuple(action for action in actions if action != each.action),
        )
        for each in alone
    ]


def _advice(policy: Policy, term: AdviceTerm, before: Answer, after: Answer, store: _Store) -> Advice:
    # Inputs measured a while ago may point to a day already past.
    counted = max(store.today, _earliest(policy, term, store))
    looked_at = counted
    if term.earliest not in (
        "at_once",
        "working_days",
    ):  # a fact is looked at when it happens, a month is not
        looked_at = next_period(counted - timedelta(days=1), PERIOD_MONTHS[policy.terms.assessment.every])
    first, last = _lags(policy, before, after)
    return Advice(
        action=term.action,
        message_zh=term.zh,
        message_en=term.en,
        gain=after[0] - before[0],
        when=add_months(counted, first),
        latest_on=add_months(looked_at, last),
    )


def _lags(policy: Policy, before: Answer, after: Answer) -> tuple[int, int]:
    """How many months after the assessment the total first rises, and has risen by everything."""
    layers = policy.terms.layers
    lags = sorted({term.lag_months for term in layers} | {0})

    def total(answer: Answer, lag: int) -> int:
        in_force = (amount for term, amount in zip(layers, answer[5], strict=True) if term.lag_months <= lag)
        zeroed = answer[0] == 0
        rounding = policy.terms.round_down_to
        return limit_total(answer[1] + sum(in_force), cap=answer[3], zeroed=zeroed, rounding=rounding)

    risen = [total(after, lag) - total(before, lag) for lag in lags]
    rising = [lag for lag, gain in zip(lags, risen, strict=True) if gain > 0]
    whole = [lag for lag, gain in zip(lags, risen, strict=True) if gain >= risen[-1]]
    return min(rising, default=0), min(whole, default=0)


def _changed(policy: Policy, inputs: dict[str, int], terms: Iterable[AdviceTerm]) -> dict[str, int]:
    declared = {term.name: term for term in policy.terms.inputs}
    changed = dict(inputs)
    for term in terms:
        for change in term.changes:
            changed[change.input] = _value(changed[change.input], change, declared[change.input])
    return changed


def _value(value: int, change: Change, term: InputTerm) -> int:
    if change.at_least is not None:
        return max(value, change.at_least)
    if change.at_most is not None:
        return min(value, change.at_most)
    return min(max(value + (change.add or 0), term.min), term.max)


def _earliest(policy: Policy, term: AdviceTerm, store: _Store) -> date:
    today = store.today
    match term.earliest:
        case "at_once":
            return today
        case "working_days":
            return store.calendar.add_working_days(today, term.days or 0)
        case "anniversary":
            if store.opened_on is None:
                return add_months(today, 1)
            return add_months(store.opened_on, store.inputs.get("months_open", 0) + 1)
        case "violation_ages":
            return add_months(store.last_violation_on or today, policy.terms.measures.violation_months)
        case "month_ends":
            held = max(_months_held(policy, term, store.inputs), _months_rolled(term.changes, store.inputs))
            return add_months(today.replace(day=1), max(term.months - held, 1))


def _months_held(policy: Policy, term: AdviceTerm, inputs: dict[str, int]) -> int:
    """How many of the months an advice takes the store has held already: an input counts them."""
    counted = {each.name for each in policy.terms.inputs if each.unit == "months"}
    return max(
        (inputs[each.input] for each in term.changes if each.at_least is not None and each.input in counted),
        default=0,
    )


def _months_rolled(changes: Sequence[Change], inputs: dict[str, int]) -> int:
    """How many newest months already are where every month has to be."""
    wanted = {change.input: change for change in changes if change.input in _ROLLING}
    if len(wanted) < len(_ROLLING) or len(wanted) < len(changes):
        return 0
    rolled = 0
    for name in _ROLLING:
        change = wanted[name]
        reached = (change.at_most is None or inputs[name] <= change.at_most) and (
            change.at_least is None or inputs[name] >= change.at_least
        )
        if not reached or change.add is not None:
            break
        rolled += 1
    return rolled
