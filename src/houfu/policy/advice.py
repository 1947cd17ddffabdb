"""What would raise this store's limit: the policy asked again with one thing changed (E3)."""

from datetime import date

from msgspec import Struct

from houfu.policy.compile import Inputs, compile_policy
from houfu.policy.document import Policy
from houfu.policy.evaluate import evaluate
from houfu.policy.periods import add_months
from houfu.policy.terms import AdviceTerm, Change, InputTerm


class Advice(Struct, frozen=True, kw_only=True):
    """An action, what it would add to the total (fen), and the soonest local day it can count."""

    action: str
    message_zh: str
    message_en: str
    gain: int
    when: date


def advise(
    policy: Policy,
    inputs: Inputs,
    *,
    today: date,
    opened_on: date | None = None,
    last_violation_on: date | None = None,
) -> tuple[Advice, ...]:
    """The actions that would raise the total, the greatest gain first, then the soonest.

    `today`, `opened_on` and `last_violation_on` are local days. Without the latter two, the day of an
    action that depends on them is the latest it could be. Raises as `evaluate` does.
    """
    now = evaluate(policy, inputs)
    decide = compile_policy(policy).decide
    declared = {term.name: term for term in policy.terms.inputs}
    found: list[Advice] = []
    for term in policy.terms.advice:
        changed = dict(now.inputs)
        for change in term.changes:
            changed[change.input] = _changed(changed[change.input], change, declared[change.input])
        gain = decide(changed)[0] - now.total
        if gain > 0:
            soonest = _earliest(
                policy,
                term,
                months_open=now.inputs.get("months_open", 0),
                today=today,
                opened_on=opened_on,
                last_violation_on=last_violation_on,
            )
            # Inputs measured a while ago may point to a day already past.
            when = max(today, soonest)
            found.append(
                Advice(action=term.action, message_zh=term.zh, message_en=term.en, gain=gain, when=when)
            )
    return tuple(sorted(found, key=lambda advice: (-advice.gain, advice.when, advice.action)))


def _changed(value: int, change: Change, term: InputTerm) -> int:
    if change.at_least is not None:
        return max(value, change.at_least)
    if change.at_most is not None:
        return min(value, change.at_most)
    return min(max(value + (change.add or 0), term.min), term.max)


def _earliest(
    policy: Policy,
    term: AdviceTerm,
    *,
    months_open: int,
    today: date,
    opened_on: date | None,
    last_violation_on: date | None,
) -> date:
    match term.earliest:
        case "at_once":
            return today
        case "anniversary":
            return add_months(today, 1) if opened_on is None else add_months(opened_on, months_open + 1)
        case "violation_ages":
            return add_months(last_violation_on or today, policy.terms.measures.violation_months)
        case "month_ends":
            return add_months(today.replace(day=1), term.months)
