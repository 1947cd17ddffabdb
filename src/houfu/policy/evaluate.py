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
    """A rule that applied, in words. `effect` says what it did: base, reduction, layer, cap or zero."""

    code: str
    effect: str
    message_zh: str
    message_en: str
    remedy_zh: str | None = None
    remedy_en: str | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """What the policy says about one store; amounts in fen. Replays bit for bit from `inputs` and the policy
    of `policy_sha256`.

    `layers` holds every layer of the policy, zero amounts included; `cap` is None where none applies;
    `mask` has the bit of every reason, as in `Rules.codes`.
    """

    total: int
    base: int
    score: int
    layers: dict[str, int]
    cap: int | None
    zeroed: bool
    zeroed_by: tuple[str, ...]
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
    total, base, score, cap, mask, amounts = compile_policy(policy).decide(inputs)
    reasons, zeroed_by = _reasons(policy, mask)
    terms = policy.terms
    return Decision(
        total=total,
        base=base,
        score=score,
        layers=dict(zip(_kinds(policy), amounts, strict=True)),
        cap=cap,
        zeroed=bool(zeroed_by),
        zeroed_by=zeroed_by,
        reasons=reasons,
        mask=mask,
        currency=terms.currency,
        policy_name=terms.name,
        policy_version=terms.version,
        policy_sha256=policy.sha256,
        inputs=dict(cast(Mapping[str, int], inputs)),  # decide() proved that every value is an int
    )


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
def _kinds(policy: Policy) -> tuple[str, ...]:
    return tuple(term.kind for term, _ in policy.rules.layers)


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
    for term, _ in rules.layers:
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
    return tuple(made)


@functools.lru_cache(maxsize=8192)
def _reasons(policy: Policy, mask: int) -> tuple[tuple[PolicyReason, ...], tuple[str, ...]]:
    """The reasons of a mask, and the codes of those that make the limit zero."""
    reasons = tuple(reason for bit, reason in enumerate(policy_reasons(policy)) if mask >> bit & 1)
    return reasons, tuple(reason.code for reason in reasons if reason.effect == "zero")
