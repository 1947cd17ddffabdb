"""The peer: a policy as a decision graph of zen-engine, so that both answer the same question.

The graph is one expression node, the shape in which zen-engine is fastest here: each expression sees the inputs and,
behind `$`, what stands above it. It gives total, base, score and zeroed; no reasons, which our side works out too.
"""

import importlib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Protocol, cast

import msgspec

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
from houfu.policy.terms import TableTerm

ANSWERS: Final = ("total", "base", "score", "zeroed")

Peer = Callable[[Mapping[str, int]], Mapping[str, object]]
"""Decides about one store: its inputs to ANSWERS."""


class _Decision(Protocol):
    def evaluate(self, context: Mapping[str, int]) -> Mapping[str, object]: ...


def zen_version() -> str | None:
    """The version of zen-engine that is installed; None where none is."""
    try:
        return version("zen-engine")
    except PackageNotFoundError:
        return None


def zen_decision(policy: Policy) -> Peer:
    """`policy` in zen-engine, compiled ahead as far as it can be. ModuleNotFoundError where it is not installed."""
    zen = importlib.import_module("zen")
    content: object = zen.ZenDecisionContent(msgspec.json.encode(decision_graph(policy)).decode())
    decision = cast(_Decision, zen.ZenEngine().create_decision(content))
    evaluate = decision.evaluate

    def decide(inputs: Mapping[str, int]) -> Mapping[str, object]:
        return cast(Mapping[str, object], evaluate(inputs)["result"])

    return decide


def decision_graph(policy: Policy) -> dict[str, object]:
    """The graph as zen-engine's editor stores it.

    Raises ValueError for a policy with funding partners: this graph has no place for them.
    """
    expressions = [
        {"id": f"e{nth}", "key": key, "value": text} for nth, (key, text) in enumerate(_expressions(policy))
    ]
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [
            {"id": "given", "type": "inputNode", "name": "given", "content": {}},
            {
                "id": "rules",
                "type": "expressionNode",
                "name": "rules",
                "content": {"expressions": expressions},
            },
            {"id": "answer", "type": "outputNode", "name": "answer", "content": {}},
        ],
        "edges": [
            {"id": "in", "type": "edge", "sourceId": "given", "targetId": "rules"},
            {"id": "out", "type": "edge", "sourceId": "rules", "targetId": "answer"},
        ],
    }


def _expressions(policy: Policy) -> list[tuple[str, str]]:
    """(key, text) in the order in which they are worked out."""
    rules = policy.rules
    if rules.partners:
        raise ValueError("a policy with funding partners has no decision graph here")
    write = _Writer(policy)
    for term, tree in rules.steps:
        write.define(term.code, write.integer(tree))
    base = ""
    for _, when, tree in reversed(rules.base):
        amount = write.integer(tree)
        base = amount if when is None else f"({write.condition(when)} ? {amount} : {base})"
    write.define("base", base)
    for term, when in rules.reductions:
        reduced = f"floor($.base * {term.keep_bp} / 10000)"
        write.define("base", f"{write.condition(when)} ? {reduced} : $.base")
    total = ["$.base"]
    for _, when, tree in rules.layers:
        amount = write.integer(tree)
        total.append(f"({amount})" if when is None else f"({write.condition(when)} ? {amount} : 0)")
    write.define("total", " + ".join(total))
    if rules.cap is not None:
        _, when, tree = rules.cap
        held = "" if when is None else f"{write.condition(when)} and "
        cap = write.integer(tree)
        write.define("total", f"{held}$.total > {cap} ? {cap} : $.total")
    write.define("zeroed", " or ".join(write.condition(when) for _, when in rules.zero) or "false")
    write.define("total", f"$.zeroed ? 0 : $.total - $.total % {policy.terms.round_down_to}")
    return write.made


class _Writer:
    """Writes trees in zen-engine's language, whose numbers are decimals: `/` keeps the fraction, `floor` drops it."""

    def __init__(self, policy: Policy) -> None:
        self._inputs = {term.name for term in policy.terms.inputs}
        self._tables: dict[str, TableTerm] = {term.name: term for term in policy.terms.tables}
        self.made: list[tuple[str, str]] = []

    def define(self, key: str, text: str) -> None:
        self.made.append((key, text))

    def integer(self, tree: Integer) -> str:
        match tree:
            case Literal(value):
                return f"({value})" if value < 0 else str(value)
            case Name(name):
                return name if name in self._inputs else f"$.{name}"
            case Negation(operand):
                return f"(-{self.integer(operand)})"
            case Arithmetic("//", left, right):
                return f"floor({self.integer(left)} / {self.integer(right)})"
            case Arithmetic(operator, left, right):
                return f"({self.integer(left)} {operator} {self.integer(right)})"
            case Extreme(function, operands):
                written = ", ".join(self.integer(operand) for operand in operands)
                return f"{'min' if function == 'least' else 'max'}([{written}])"
            case Choice(branches, otherwise):
                written = "".join(
                    f"{self.condition(when)} ? {self.integer(value)} : " for when, value in branches
                )
                return f"({written}{self.integer(otherwise)})"
            case Lookup(table, operand):
                return self._looked_up(self._tables[table], operand)

    def condition(self, tree: Condition) -> str:
        match tree:
            case Comparison(operator, left, right):
                spelled = {"=": "==", "<>": "!="}.get(operator, operator)
                return f"({self.integer(left)} {spelled} {self.integer(right)})"
            case Joined(connective, left, right):
                return f"({self.condition(left)} {connective} {self.condition(right)})"
            case Not(operand):
                return f"(not {self.condition(operand)})"

    def _looked_up(self, table: TableTerm, operand: Integer) -> str:
        """A chain of choices; what is looked up gets a key of its own, so that it is worked out once."""
        subject = self.integer(operand)
        if not isinstance(operand, Name):
            key = f"looked_up_{len(self.made)}"
            self.define(key, subject)
            subject = f"$.{key}"
        written = "".join(
            f"{subject} >= {band.at_least} ? {band.value} : "
            if band.at_least is not None
            else f"{subject} <= {band.at_most} ? {band.value} : "
            for band in table.bands
        )
        return f"({written}{table.default})"
