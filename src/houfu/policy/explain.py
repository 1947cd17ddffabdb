"""How a limit came about: every step with what it read, and a waterfall that adds up to the fen."""

from msgspec import Struct

from houfu.policy.compile import Inputs, Trail, compile_policy
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision, completed, evaluate, policy_reasons
from houfu.policy.expression import Tree, names_in
from houfu.policy.fault import InputMissing


class TraceStep(Struct, frozen=True, kw_only=True):
    """A rule, the named values it read, and what it gave. A condition gives 1 if it held, else 0."""

    code: str
    effect: str
    label_zh: str
    label_en: str
    inputs: dict[str, int]
    result: int


class WaterfallStep(Struct, frozen=True, kw_only=True):
    """A change of the limit, fen, negative where it falls, and the limit after it."""

    code: str
    effect: str
    label_zh: str
    label_en: str
    amount: int
    running: int


class Explanation(Struct, frozen=True, kw_only=True):
    """A decision with its waterfall (base, reductions, layers, cap, rounding, zero) and the full trace."""

    decision: Decision
    waterfall: tuple[WaterfallStep, ...]
    trace: tuple[TraceStep, ...]


class MissingFact(Struct, frozen=True, kw_only=True):
    """An input nobody gave: what it is called, and the months (`YYYY-MM`) whose figures it needs, oldest first; none where
    it is no figure of a month."""

    name: str
    label_zh: str
    label_en: str
    months: tuple[str, ...]


class MissingFacts(Struct, frozen=True, kw_only=True):
    """Why a store cannot be assessed, in words: what is missing, and what to do about it."""

    facts: tuple[MissingFact, ...]
    message_zh: str
    message_en: str
    remedy_zh: str
    remedy_en: str


def missing_in_words(policy: Policy, missing: InputMissing) -> MissingFacts:
    """What a store lacks to be assessed by `policy`, in the words of its inputs, in the policy's order."""
    labels = {term.name: term for term in policy.terms.inputs}
    facts = tuple(
        MissingFact(
            name=name,
            label_zh=labels[name].zh if name in labels else name,
            label_en=labels[name].en if name in labels else name,
            months=tuple(
                sorted({e.month for e in missing.missing if e.name == name and e.month is not None})
            ),
        )
        for name in missing.names
    )
    months = sorted({month for fact in facts for month in fact.months})
    others = [fact for fact in facts if not fact.months]
    zh: list[str] = []
    en: list[str] = []
    if months:
        zh.append(f"补报{'、'.join(months)}的经营数据")
        en.append(f"report the figures of {', '.join(months)}")
    if others:
        zh.append(f"提供{'、'.join(fact.label_zh for fact in others)}")
        en.append(f"give {', '.join(fact.label_en for fact in others)}")
    return MissingFacts(
        facts=facts,
        message_zh=f"无法评估额度,缺少:{';'.join(_named(fact.label_zh, fact.months, '、') for fact in facts)}",
        message_en=f"the limit cannot be assessed, missing: {'; '.join(_named(fact.label_en, fact.months, ', ') for fact in facts)}",
        remedy_zh=f"请{','.join(zh)},然后重新评估",
        remedy_en=f"{' and '.join(en)}, then ask for an assessment",
    )


def _named(label: str, months: tuple[str, ...], comma: str) -> str:
    return f"{label} ({comma.join(months)})" if months else label


def explain(policy: Policy, inputs: Inputs) -> Explanation:
    """Decide and tell how. Raises as `evaluate` does."""
    inputs = completed(policy, inputs)
    decision = evaluate(policy, inputs)
    trail = compile_policy(policy).trace(inputs)
    return Explanation(
        decision=decision,
        waterfall=_waterfall(policy, decision, trail),
        trace=_trace(policy, decision, trail),
    )


def _waterfall(policy: Policy, decision: Decision, trail: Trail) -> tuple[WaterfallStep, ...]:
    _, bases, own_cap, partner_cap, (_, _, _, _, _, amounts) = trail
    made: list[WaterfallStep] = []

    def step(code: str, effect: str, zh: str, en: str, *, to: int) -> None:
        before = made[-1].running if made else 0
        made.append(
            WaterfallStep(code=code, effect=effect, label_zh=zh, label_en=en, amount=to - before, running=to)
        )

    rules = policy.rules
    running = bases[0]
    by_code = {reason.code: reason for reason in decision.reasons}
    found = next(reason for reason in decision.reasons if reason.effect == "base")
    step(found.code, "base", found.message_zh, found.message_en, to=running)
    for nth, (term, _) in enumerate(rules.reductions, start=1):
        if term.code in by_code:
            running = bases[nth]
            step(term.code, "reduction", term.zh, term.en, to=running)
    for (term, _, _), amount in zip(rules.layers, amounts, strict=True):
        if amount:
            running += amount
            step(term.kind, "layer", term.zh, term.en, to=running)
    if rules.cap is not None and own_cap is not None and running > own_cap:
        running = own_cap
        step(rules.cap[0].code, "cap", rules.cap[0].zh, rules.cap[0].en, to=running)
    if decision.partner is not None and partner_cap is not None and running > partner_cap:
        running = partner_cap
        lender = by_code[decision.partner]
        step(lender.code, "partner", lender.message_zh, lender.message_en, to=running)
    rounded = running - running % policy.terms.round_down_to
    if rounded != running:
        running = rounded
        step("rounding", "rounding", "向下取整", "rounded down", to=running)
    for term, _ in rules.zero:
        if term.code in by_code:
            step(term.code, "zero", term.zh, term.en, to=0)
    return tuple(made)


def _trace(policy: Policy, decision: Decision, trail: Trail) -> tuple[TraceStep, ...]:
    steps, bases, own_cap, partner_cap, (_, _, _, _, _, amounts) = trail
    rules = policy.rules
    values = dict(decision.inputs)
    made: list[TraceStep] = []
    applied = {reason.code for reason in decision.reasons}
    words = {reason.code: reason for reason in policy_reasons(policy)}

    def step(
        code: str, trees: tuple[Tree | None, ...], result: int, *, also: dict[str, int] | None = None
    ) -> None:
        reason = words[code]
        read = {name.name: values[name.name] for tree in trees if tree is not None for name in names_in(tree)}
        made.append(
            TraceStep(
                code=code,
                effect=reason.effect,
                label_zh=reason.message_zh,
                label_en=reason.message_en,
                inputs=read | (also or {}),
                result=result,
            )
        )

    for (term, tree), value in zip(rules.steps, steps, strict=True):
        read = {name.name: values[name.name] for name in names_in(tree)}
        made.append(
            TraceStep(
                code=term.code, effect="step", label_zh=term.zh, label_en=term.en, inputs=read, result=value
            )
        )
        values[term.code] = value
    for base, when, tree in rules.base:
        if base.code in applied:
            step(base.code, (when, tree), bases[0])
    for nth, (reduction, when) in enumerate(rules.reductions, start=1):
        step(reduction.code, (when,), bases[nth], also={"base": bases[nth - 1]})
    values["base"] = decision.base
    for (layer, when, tree), amount in zip(rules.layers, amounts, strict=True):
        step(layer.kind, (when, tree), amount)
    if rules.cap is not None and own_cap is not None:
        cap, when, tree = rules.cap
        step(cap.code, (when, tree), own_cap)
    for partner, when, tree in rules.partners:
        if partner.code == decision.partner and partner_cap is not None:
            headroom = {partner.headroom: values[partner.headroom]}
            step(partner.code, (when, tree), partner_cap, also=headroom)
    for zero, when in rules.zero:
        step(zero.code, (when,), int(zero.code in applied))
    for refer, when in rules.refer:
        step(refer.code, (when,), int(refer.code in applied))
    return tuple(made)
