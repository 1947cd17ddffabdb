"""The rules of a policy: its expressions as checked trees, in the order they apply."""

from dataclasses import dataclass

from houfu.policy.bounds import INTEGER_MAX, Assumed, Interval, Scope, Truth, bound, judge, truth
from houfu.policy.expression import (
    Condition,
    ExpressionFault,
    Integer,
    Literal,
    Tree,
    is_plain_name,
    parse_condition,
    parse_integer,
)
from houfu.policy.idle import idle, parts_of
from houfu.policy.shape import Misfit, suggest
from houfu.policy.source import Path, clip
from houfu.policy.terms import (
    MONEY_MAX,
    BaseTerm,
    CapTerm,
    LayerTerm,
    PartnerTerm,
    PolicyTerms,
    ReductionTerm,
    ReferTerm,
    StepTerm,
    TableTerm,
    ZeroTerm,
)

RESERVED = frozenset({"base", "total", "cap", "store_id"})
MARKS_MAX = 62
PARTS_MAX = 20_000
"""How many parts all expressions may come to, a lookup counted with every band of its table: what one store's decision
can cost, and how long the written function and statement can be."""
FAULTS_MAX = 500
"""Past so many faults no further expression is read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Every expression of a policy as a tree, beside the term that states it."""

    steps: tuple[tuple[StepTerm, Integer], ...]
    base: tuple[tuple[BaseTerm, Condition | None, Integer], ...]
    reductions: tuple[tuple[ReductionTerm, Condition], ...]
    layers: tuple[tuple[LayerTerm, Condition | None, Integer], ...]
    cap: tuple[CapTerm, Condition | None, Integer] | None
    zero: tuple[tuple[ZeroTerm, Condition], ...]
    refer: tuple[tuple[ReferTerm, Condition], ...]
    partners: tuple[tuple[PartnerTerm, Condition, Integer], ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that can be a reason, in the order of its bit in the mask (bit 0 first)."""
        return (
            *(term.code for term, _, _ in self.base),
            *(term.code for term, _ in self.reductions),
            *(term.kind for term, _, _ in self.layers),
            *((self.cap[0].code,) if self.cap else ()),
            *(term.code for term, _ in self.zero),
            *(term.code for term, _ in self.refer),
            *(term.code for term, _, _ in self.partners),
        )


@dataclass(frozen=True, slots=True)
class OffsetMisfit:
    """A misfit inside an expression, `offset` characters into its text."""

    misfit: Misfit
    offset: int


class _Reader:
    """Parses and bounds one expression after another, each seeing only what stands above it."""

    def __init__(self, terms: PolicyTerms, tables: dict[str, Interval | None]) -> None:
        later = frozenset(step.code for step in terms.steps) | {"base"}
        self.scope = Scope({}, tables, later)
        self.found: list[OffsetMisfit] = []
        self.trees: list[Tree] = []

    def integer(self, path: Path, text: str) -> tuple[Integer, Interval | None]:
        if len(self.found) >= FAULTS_MAX:
            return Literal(0), None
        try:
            tree = parse_integer(text)
        except ExpressionFault as fault:
            self.add(path, fault.message, fault.suggestion, fault.offset)
            return Literal(0), None
        self.trees.append(tree)
        made = bound(tree, self.scope)
        self._collect(path)
        return tree, made

    def condition(self, path: Path, text: str) -> tuple[Condition, Truth] | None:
        if len(self.found) >= FAULTS_MAX:
            return None
        try:
            tree = parse_condition(text)
        except ExpressionFault as fault:
            self.add(path, fault.message, fault.suggestion, fault.offset)
            return None
        self.trees.append(tree)
        made = truth(tree, self.scope)
        self._collect(path)
        return tree, made

    def rule(self, path: Path, text: str) -> Condition | None:
        """A condition that must be able to hold and to fail; None where it is faulty."""
        read = self.condition(path, text)
        if read is None:
            return None
        if not read[1].holds:
            self.add(path, "the rule can never apply", "check the inputs' ranges")
        if not read[1].fails:
            self.add(path, "the condition always holds", "remove it or check the inputs' ranges")
        return read[0]

    def way(self, path: Path, text: str, reached: Assumed | None) -> tuple[Condition | None, Assumed | None]:
        """The condition of one of several ways of which the first that fits is taken, and what is known where it and those
        above it fail. `reached` is what is known here; None where the ways above leave nothing."""
        when = self.rule(path, text)
        if when is None:
            return None, {}
        held, failed = judge(when, {}, self.scope)
        if reached is not None and held is not None and failed is not None:
            held, failed = judge(when, reached, self.scope)
            if held is None:
                self.add(path, "the ways above take every store this one is for", "move it up, or remove it")
                failed = reached
        self.scope.faults.clear()
        return when, failed

    def under(self, when: Condition | None) -> None:
        """What follows is only worked out where `when` holds."""
        self.scope.assumed = {} if when is None else judge(when, {}, self.scope)[0] or {}
        self.scope.faults.clear()

    def amount(self, path: Path, text: str) -> tuple[Integer, Interval | None]:
        """An amount of money: never negative."""
        tree, made = self.integer(path, text)
        if made is not None and made.low < 0:
            self.add(path, f"the amount may be negative (down to {made.low})", "wrap it in GREATEST(..., 0)")
        return tree, made

    def add(self, path: Path, message: str, suggestion: str = "", offset: int = 0) -> None:
        self.found.append(OffsetMisfit((path, message, suggestion), offset))

    def _collect(self, path: Path) -> None:
        for at, message, suggestion in self.scope.faults:
            self.add(path, message, suggestion, at)
        self.scope.faults.clear()


def read_rules(terms: PolicyTerms) -> tuple[Rules, list[OffsetMisfit], list[Misfit]]:
    """The rules of `terms`, everything wrong with their expressions, and what in them has no effect. Unusable if anything
    is wrong."""
    tables: dict[str, Interval | None] = {}
    names = [OffsetMisfit(misfit, 0) for misfit in _check_tables(terms.tables, tables)]
    reader = _Reader(terms, tables)
    reader.found.extend(names)
    _declare_inputs(terms, reader)
    steps = _read_steps(terms, reader)
    base, base_bound = _read_base(terms, reader)
    reductions: list[tuple[ReductionTerm, Condition]] = []
    for at, term in enumerate(terms.reductions):
        when = reader.rule(("reductions", at, "when"), term.when)
        if when is not None:
            reductions.append((term, when))
    lowest = Interval(0, base_bound.high) if base_bound else None
    if lowest is not None and terms.reductions and lowest.high * 10_000 > INTEGER_MAX:
        reader.add(("base",), "may overflow 64 bits when it is reduced", "narrow the inputs' min and max")
    reader.scope.names["base"] = lowest
    layers: list[tuple[LayerTerm, Condition | None, Integer]] = []
    summed = base_bound
    for at, term in enumerate(terms.layers):
        when = None if term.when is None else reader.rule(("layers", at, "when"), term.when)
        reader.under(when)
        tree, made = reader.amount(("layers", at, "amount"), term.amount)
        reader.under(None)
        layers.append((term, when, tree))
        summed = Interval(0, summed.high + made.high) if summed and made else None
    if summed is not None and summed.high > MONEY_MAX:
        reader.add(("layers",), f"the limit may exceed {MONEY_MAX} fen", "narrow the inputs' min and max")
    cap = _read_cap(terms, reader)
    zero: list[tuple[ZeroTerm, Condition]] = []
    for at, term in enumerate(terms.zero_rules):
        when = reader.rule(("zero_rules", at, "when"), term.when)
        if when is not None:
            zero.append((term, when))
    refer: list[tuple[ReferTerm, Condition]] = []
    for at, term in enumerate(terms.refer_rules):
        when = reader.rule(("refer_rules", at, "when"), term.when)
        if when is not None:
            refer.append((term, when))
    partners = _read_partners(terms, reader)
    rules = Rules(
        steps, base, tuple(reductions), tuple(layers), cap, tuple(zero), tuple(refer), tuple(partners)
    )
    if len(rules.codes) > MARKS_MAX:
        reader.add((), f"over {MARKS_MAX} rules can be reasons", "merge rules that mean the same")
    parts = parts_of(reader.trees, terms.tables)
    if parts > PARTS_MAX:
        reader.add(
            (),
            f"the rules come to {parts} parts, over {PARTS_MAX}",
            "look a table up once, in a step of its own",
        )
    return rules, reader.found, idle(terms, reader.trees, reader.scope.asked)


def _declare_inputs(terms: PolicyTerms, reader: _Reader) -> None:
    for at, term in enumerate(terms.inputs):
        path: Path = ("inputs", at, "name")
        if term.when_missing is not None and not term.min <= term.when_missing <= term.max:
            stated: Path = ("inputs", at, "when_missing")
            reader.add(stated, f"{term.when_missing} is outside the input's {term.min}..{term.max}")
        if term.name in reader.scope.names:
            reader.add(path, f"the input `{clip(term.name)}` is declared twice")
        elif term.name in RESERVED or not is_plain_name(term.name):
            reader.add(path, f"`{clip(term.name)}` is a word of the language", "choose another name")
        if term.min > term.max:
            reader.add(("inputs", at, "min"), f"min {term.min} is over max {term.max}")
            reader.scope.names[term.name] = None
        else:
            reader.scope.names[term.name] = Interval(term.min, term.max)


def _check_tables(terms: tuple[TableTerm, ...], known: dict[str, Interval | None]) -> list[Misfit]:
    found: list[Misfit] = []
    for at, term in enumerate(terms):
        path: Path = ("tables", at)
        if term.name in known:
            found.append(((*path, "name"), f"the table `{clip(term.name)}` is declared twice", ""))
        elif not is_plain_name(term.name):
            found.append(
                ((*path, "name"), f"`{clip(term.name)}` is a word of the language", "choose another name")
            )
        found.extend(_check_bands(term, path))
        values = [band.value for band in term.bands] + [term.default]
        known[term.name] = Interval(min(values), max(values))
    return found


def _check_bands(term: TableTerm, path: Path) -> list[Misfit]:
    found: list[Misfit] = []
    previous: int | None = None
    rising = bool(term.bands) and term.bands[0].at_most is not None
    for at, band in enumerate(term.bands):
        here = (*path, "bands", at)
        edge = band.at_most if rising else band.at_least
        if edge is None or (band.at_least is None) == (band.at_most is None):
            found.append((here, "give exactly one of at_least and at_most, the same in every band", ""))
            continue
        if previous is not None and (edge <= previous if rising else edge >= previous):
            found.append((here, "this band can never be reached", "order the bands from the strictest on"))
        previous = edge
    return found


def _read_steps(terms: PolicyTerms, reader: _Reader) -> tuple[tuple[StepTerm, Integer], ...]:
    steps: list[tuple[StepTerm, Integer]] = []
    for at, term in enumerate(terms.steps):
        tree, made = reader.integer(("steps", at, "amount"), term.amount)
        path: Path = ("steps", at, "code")
        if term.code in reader.scope.names:
            reader.add(path, f"`{clip(term.code)}` is already an input or step")
        elif term.code in RESERVED or not is_plain_name(term.code):
            reader.add(path, f"`{clip(term.code)}` is a word of the language", "choose another name")
        reader.scope.names[term.code] = made
        steps.append((term, tree))
    if "score" not in {term.code for term in terms.steps}:
        reader.add(("steps",), "no step has the code `score`", "decisions report it")
    return tuple(steps)


def _read_base(
    terms: PolicyTerms, reader: _Reader
) -> tuple[tuple[tuple[BaseTerm, Condition | None, Integer], ...], Interval | None]:
    base: list[tuple[BaseTerm, Condition | None, Integer]] = []
    reach: list[Interval | None] = []
    reached: Assumed | None = {}
    for at, term in enumerate(terms.base):
        when: Condition | None = None
        last = at == len(terms.base) - 1
        if term.when is not None:
            when, reached = reader.way(("base", at, "when"), term.when, reached)
        if last and term.when is not None:
            reader.add(("base", at, "when"), "the last way to find the base must have no `when`")
        elif last and reached is None:
            reader.add(
                ("base", at), "the ways above take every store", "remove it, or the `when` of the one above"
            )
        elif not last and term.when is None:
            reader.add(("base", at), "a way without `when` hides the ways below it", "move it last")
        reader.under(when)
        tree, made = reader.amount(("base", at, "amount"), term.amount)
        reader.under(None)
        base.append((term, when, tree))
        reach.append(made)
    known = [made for made in reach if made is not None]
    if not known or len(known) < len(reach):
        return tuple(base), None
    return tuple(base), Interval(min(part.low for part in known), max(part.high for part in known))


def _read_cap(terms: PolicyTerms, reader: _Reader) -> tuple[CapTerm, Condition | None, Integer] | None:
    if terms.cap is None:
        return None
    when = None if terms.cap.when is None else reader.rule(("cap", "when"), terms.cap.when)
    reader.under(when)
    tree, _ = reader.amount(("cap", "amount"), terms.cap.amount)
    reader.under(None)
    return terms.cap, when, tree


def _read_partners(terms: PolicyTerms, reader: _Reader) -> list[tuple[PartnerTerm, Condition, Integer]]:
    declared = {term.name: term for term in terms.inputs}
    partners: list[tuple[PartnerTerm, Condition, Integer]] = []
    reached: Assumed | None = {}
    for at, term in enumerate(terms.partners):
        here: Path = ("partners", at, "when")
        if reached is None:
            reader.add(here, "the partners above take every store", "move it up, or remove it")
        when, reached = reader.way(here, term.when, reached)
        reader.under(when)
        tree, _ = reader.amount(("partners", at, "cap"), term.cap)
        reader.under(None)
        path: Path = ("partners", at, "headroom")
        measured = declared.get(term.headroom)
        if measured is None:
            reader.add(
                path, f"there is no input `{clip(term.headroom)}`", suggest(term.headroom, list(declared))
            )
        elif measured.unit != "fen" or measured.min < 0:
            reader.add(path, f"`{term.headroom}` must be an input in fen with min 0 or more")
        if when is not None:
            partners.append((term, when, tree))
    return partners
