"""A policy's rules as one Python function for one store.

The source is written from the checked trees alone, never from the author's text: names become `v_<name>`
of an already checked form, numbers are printed by Python. It runs with no builtins beyond those listed.
Nothing in it can leave 64 bits: loading the policy proved that from the inputs' declared ranges.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, cast

from houfu.policy.document import Policy
from houfu.policy.expression import (
    Arithmetic,
    Choice,
    Comparison,
    Condition,
    Extreme,
    Integer,
    Joined,
    Literal,
    Lookup,
    Name,
    Negation,
    Not,
)
from houfu.policy.fault import InputInvalid, InputMissing, InvalidInput, MissingInput
from houfu.policy.terms import InputTerm, PolicyTerms, TableTerm

Inputs = Mapping[str, object]

Answer = tuple[int, int, int, int | None, int, tuple[int, ...]]
"""total, base, score, the least of the caps that apply, mask of the rules that applied, layer amounts in the policy's
order."""

Trail = tuple[tuple[int, ...], tuple[int, ...], int | None, int | None, Answer]
"""each step's value; the base as found and after each reduction; the programme's cap; the partner's; the answer."""

_COMPARISONS = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """`decide` answers; `trace` answers and keeps every intermediate value. Both raise InputMissing and
    InputInvalid, and take inputs that are complete: see `evaluate.completed`."""

    decide: Callable[[Inputs], Answer]
    trace: Callable[[Inputs], Trail]
    source: str


@functools.lru_cache(maxsize=64)
def compile_policy(policy: Policy) -> CompiledPolicy:
    """The functions of `policy`; compiled once, then remembered."""
    body = _body(policy)
    answer = _answer(policy)
    steps = _tuple([f"v_{term.code}" for term, _ in policy.rules.steps])
    bases = _tuple([f"b{nth}" for nth in range(len(policy.rules.reductions) + 1)])
    caps = "own, lent" if policy.rules.partners else "cap, None"
    source = "\n".join(
        [
            "def decide(given):",
            *(f"    {line}" for line in [*body, f"return {answer}"]),
            "def trace(given):",
            *(f"    {line}" for line in [*body, f"return {steps}, {bases}, {caps}, {answer}"]),
            "",
        ]
    )
    namespace: dict[str, object] = {
        "__builtins__": {},
        "type": type,
        "int": int,
        "len": len,
        "min": min,
        "max": max,
        "KeyError": KeyError,
        "refuse": functools.partial(_refuse, policy.terms.inputs),
    }
    exec(compile(source, f"<policy {policy.sha256[:12]}>", "exec"), namespace)  # noqa: S102 - from trees only
    decide = cast(Callable[[Inputs], Answer], namespace["decide"])
    trace = cast(Callable[[Inputs], Trail], namespace["trace"])
    return CompiledPolicy(decide, trace, source)


def _body(policy: Policy) -> list[str]:
    rules, terms = policy.rules, policy.terms
    write = _Writer(terms)
    lines = _read_inputs(terms.inputs)
    lines += [f"v_{term.code} = {write.integer(tree)}" for term, tree in rules.steps]
    bit = 0
    for nth, (_, when, tree) in enumerate(rules.base):
        found = f"b0 = {write.integer(tree)}; mask = {1 << bit}"
        if len(rules.base) == 1:
            lines.append(found)
        else:
            word = "else" if when is None else f"{'if' if nth == 0 else 'elif'} {write.condition(when)}"
            lines.append(f"{word}: {found}")
        bit += 1
    for nth, (term, when) in enumerate(rules.reductions, start=1):
        lines.append(
            f"if {write.condition(when)}: b{nth} = b{nth - 1} * {term.keep_bp} // 10000; mask |= {1 << bit}"
        )
        lines.append(f"else: b{nth} = b{nth - 1}")
        bit += 1
    lines.append(f"v_base = b{len(rules.reductions)}")
    for nth, (_, when, tree) in enumerate(rules.layers):
        condition = f" if {write.condition(when)} else 0" if when is not None else ""
        lines.append(f"l{nth} = {write.integer(tree)}{condition}")
        lines.append(f"if l{nth}: mask |= {1 << bit}")
        bit += 1
    lines.append(" + ".join(["total = v_base", *(f"l{nth}" for nth in range(len(rules.layers)))]))
    if rules.cap is None:
        lines.append("cap = None")
    else:
        _, when, tree = rules.cap
        condition = f" if {write.condition(when)} else None" if when is not None else ""
        lines.append(f"cap = {write.integer(tree)}{condition}")
        lines.append(f"if cap is not None and total > cap: total = cap; mask |= {1 << bit}")
        bit += 1
    bits = range(bit, bit + len(rules.zero) + len(rules.refer) + len(rules.partners))
    zeros, refers = bits[: len(rules.zero)], bits[len(rules.zero) : len(rules.zero) + len(rules.refer)]
    if rules.partners:
        lines += ["own = cap", "lent = None"]
    for nth, (term, when, tree) in enumerate(rules.partners):
        lines += [
            f"{'elif' if nth else 'if'} {write.condition(when)}:",
            f"    mask |= {1 << bits[len(zeros) + len(refers) + nth]}",
            f"    lent = min({write.integer(tree)}, v_{term.headroom})",
            "    if total > lent: total = lent",
            "    if cap is None or cap > lent: cap = lent",
        ]
    lines.append(f"total -= total % {terms.round_down_to}")
    for bit, (_, when) in zip(zeros, rules.zero, strict=True):
        lines.append(f"if {write.condition(when)}: total = 0; mask |= {1 << bit}")
    for bit, (_, when) in zip(refers, rules.refer, strict=True):
        lines.append(f"if {write.condition(when)}: mask |= {1 << bit}")
    return lines


def _answer(policy: Policy) -> str:
    layers = _tuple([f"l{nth}" for nth in range(len(policy.rules.layers))])
    return f"(total, v_base, v_score, cap, mask, {layers})"


def _read_inputs(terms: tuple[InputTerm, ...]) -> list[str]:
    """Take every input out of `given`, and refuse in words if any is absent, odd or unknown."""
    checks = [f"type(v_{term.name}) is int and {term.min} <= v_{term.name} <= {term.max}" for term in terms]
    return [
        "try: " + "; ".join(f"v_{term.name} = given[{term.name!r}]" for term in terms),
        "except KeyError: refuse(given)",
        f"if not (len(given) == {len(terms)} and {' and '.join(checks)}): refuse(given)",
    ]


def _refuse(terms: tuple[InputTerm, ...], given: Inputs) -> NoReturn:
    """Name everything that is wrong with the inputs; what is missing comes first."""
    missing = tuple(MissingInput(term.name) for term in terms if term.name not in given)
    if missing:
        raise InputMissing(missing)
    invalid = [
        InvalidInput(term.name, problem) for term in terms if (problem := _problem(term, given[term.name]))
    ]
    known = {term.name for term in terms}
    invalid += [InvalidInput(str(name), "is no input of this policy") for name in given if name not in known]
    raise InputInvalid(tuple(invalid))


def _problem(term: InputTerm, value: object) -> str:
    if type(value) is not int:
        return f"must be an integer, not {type(value).__name__}"
    if not term.min <= value <= term.max:
        return f"must be between {term.min} and {term.max}"
    return ""


def _tuple(parts: list[str]) -> str:
    return f"({''.join(part + ', ' for part in parts)})"


class _Writer:
    """Writes trees as Python. Every lookup gets a name of its own for the looked-up number."""

    def __init__(self, terms: PolicyTerms) -> None:
        self._tables: dict[str, TableTerm] = {term.name: term for term in terms.tables}
        self._lookups = 0

    def integer(self, tree: Integer) -> str:
        match tree:
            case Literal(value):
                return str(value)
            case Name(name):
                return f"v_{name}"
            case Negation(operand):
                return f"(-{self.integer(operand)})"
            case Arithmetic(operator, left, right):
                return f"({self.integer(left)} {operator} {self.integer(right)})"
            case Extreme(function, operands):
                written = ", ".join(self.integer(operand) for operand in operands)
                return f"{'min' if function == 'least' else 'max'}({written})"
            case Choice(branches, otherwise):
                written = "".join(
                    f"{self.integer(value)} if {self.condition(when)} else " for when, value in branches
                )
                return f"({written}{self.integer(otherwise)})"
            case Lookup(table, operand):
                return self._lookup(self._tables[table], self.integer(operand))

    def condition(self, tree: Condition) -> str:
        match tree:
            case Comparison(operator, left, right):
                return f"({self.integer(left)} {_COMPARISONS[operator]} {self.integer(right)})"
            case Joined(connective, left, right):
                return f"({self.condition(left)} {connective} {self.condition(right)})"
            case Not(operand):
                return f"(not {self.condition(operand)})"

    def _lookup(self, table: TableTerm, operand: str) -> str:
        self._lookups += 1
        key = f"t{self._lookups}"
        written = ""
        for nth, band in enumerate(table.bands):
            subject = f"({key} := {operand})" if nth == 0 else key
            edge = f">= {band.at_least}" if band.at_least is not None else f"<= {band.at_most}"
            written += f"{band.value} if {subject} {edge} else "
        return f"({written}{table.default})"
