"""The answer of a policy about one store."""

import functools
import json
from collections.abc import Mapping
from typing import cast

from msgspec import Struct

from houfu.policy.compile import Inputs, compile_policy
from houfu.policy.document import Policy
from houfu.policy.fault import InputInvalid, InvalidInput


class PolicyReason(Struct, frozen=True, kw_only=True):
    """A rule that applied, in words. `effect` says what it did: base, reduction, layer, cap, zero, refer or
    partner."""

    code: str
    effect: str
    message_zh: str
    message_en: str
    remedy_zh: str | None = None
    remedy_en: str | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """What the policy says about one store; amounts in fen. Replays bit for bit from `inputs` and the policy
    of `policy_sha256`.

    `layers` holds every layer of the policy, zero amounts included, and `total` is what they give once all are in
    force; `cap` is the least that applies, None where none does; `mask` has the bit of every reason, as in
    `Rules.codes`. `referred_by` names the rules that want a person to look, `partner` who funds the store.
    """

    total: int
    base: int
    score: int
    layers: dict[str, int]
    cap: int | None
    zeroed: bool
    zeroed_by: tuple[str, ...]
    referred_by: tuple[str, ...]
    partner: str | None
    reasons: tuple[PolicyReason, ...]
    mask: int
    currency: str
    policy_name: str
    policy_version: int
    policy_sha256: str
    inputs: dict[str, int]


def evaluate(policy: Policy, inputs: Inputs) -> Decision:
    """Decide about the store whose declared inputs are given, no more and no fewer.

    Raises InputMissing naming every absent input, else InputInvalid naming every unusable one.
    """
    inputs = completed(policy, inputs)
    total, base, score, cap, mask, amounts = compile_policy(policy).decide(inputs)
    reasons, zeroed_by, referred_by, partner = _reasons(policy, mask)
    terms = policy.terms
    return Decision(
        total=total,
        base=base,
        score=score,
        layers=dict(zip(_kinds(policy), amounts, strict=True)),
        cap=cap,
        zeroed=bool(zeroed_by),
        zeroed_by=zeroed_by,
        referred_by=referred_by,
        partner=partner,
        reasons=reasons,
        mask=mask,
        currency=terms.currency,
        policy_name=terms.name,
        policy_version=terms.version,
        policy_sha256=policy.sha256,
        inputs=dict(cast(Mapping[str, int], inputs)),  # decide() proved that every value is an int
    )


def completed(policy: Policy, inputs: Inputs) -> Inputs:
    """The inputs with what the policy states for those that are missing."""
    stated = _stated(policy)
    absent = [name for name in stated if name not in inputs]
    return {**inputs, **{name: stated[name] for name in absent}} if absent else inputs


def limit_total(amount_sum: int, *, cap: int | None, zeroed: bool, rounding: int) -> int:
    """The limit, fen, that follows from the sum of the layers in force: capped, floored to `rounding`,
    nothing where zeroed."""
    if zeroed:
        return 0
    capped = amount_sum if cap is None else min(amount_sum, cap)
    return capped // rounding * rounding


def decode_inputs(text: str | bytes) -> dict[str, object]:
    """The inputs written as a JSON object. Raises InputInvalid for anything else, and for a name given twice.

    Values are judged by `evaluate`, which refuses floats, text and booleans by name.
    """
    try:
        decoded: object = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputInvalid((InvalidInput("$", f"is not JSON: {str(error)[:120]}"),)) from None
    if not isinstance(decoded, dict):
        raise InputInvalid((InvalidInput("$", "must be a JSON object of inputs"),))
    return cast(dict[str, object], decoded)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in pairs:
        if name in made:
            raise InputInvalid((InvalidInput(name, "is given twice"),))
        made[name] = value
    return made


@functools.lru_cache(maxsize=64)
def _stated(policy: Policy) -> dict[str, int]:
    return {term.name: term.when_missing for term in policy.terms.inputs if term.when_missing is not None}


@functools.lru_cache(maxsize=64)
def _kinds(policy: Policy) -> tuple[str, ...]:
    return tuple(term.kind for term, _, _ in policy.rules.layers)


@functools.lru_cache(maxsize=64)
def policy_reasons(policy: Policy) -> tuple[PolicyReason, ...]:
    """Every reason the policy can give, in the order of its bit in the mask."""
    rules = policy.rules
    made: list[PolicyReason] = []
    for term, _, _ in rules.base:
        made.append(PolicyReason(code=term.code, effect="base", message_zh=term.zh, message_en=term.en))
    for term, _ in rules.reductions:
        made.append(
            PolicyReason(
                code=term.code,
                effect="reduction",
                message_zh=term.zh,
                message_en=term.en,
                remedy_zh=term.remedy_zh,
                remedy_en=term.remedy_en,
            )
        )
    for term, _, _ in rules.layers:
        made.append(PolicyReason(code=term.kind, effect="layer", message_zh=term.zh, message_en=term.en))
    if rules.cap is not None:
        cap = rules.cap[0]
        made.append(PolicyReason(code=cap.code, effect="cap", message_zh=cap.zh, message_en=cap.en))
    for term, _ in rules.zero:
        made.append(
            PolicyReason(
                code=term.code,
                effect="zero",
                message_zh=term.zh,
                message_en=term.en,
                remedy_zh=term.remedy_zh,
                remedy_en=term.remedy_en,
            )
        )
    for term, _ in rules.refer:
        made.append(PolicyReason(code=term.code, effect="refer", message_zh=term.zh, message_en=term.en))
    for term, _, _ in rules.partners:
        made.append(PolicyReason(code=term.code, effect="partner", message_zh=term.zh, message_en=term.en))
    return tuple(made)


@functools.lru_cache(maxsize=8192)
def _reasons(
    policy: Policy, mask: int
) -> tuple[tuple[PolicyReason, ...], tuple[str, ...], tuple[str, ...], str | None]:
    """The reasons of a mask, the codes of those that make the limit zero, of those that refer it, and the partner."""
    reasons = tuple(reason for bit, reason in enumerate(policy_reasons(policy)) if mask >> bit & 1)

    def codes(effect: str) -> tuple[str, ...]:
        return tuple(reason.code for reason in reasons if reason.effect == effect)

    return reasons, codes("zero"), codes("refer"), next(iter(codes("partner")), None)
