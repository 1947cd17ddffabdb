"""Random policies that pass every check, with every construct of the language, and inputs that sit on their edges."""

import random
import re
from collections.abc import Callable
from typing import Any

import yaml

from houfu.policy.bounds import Interval, Scope, bound, truth
from houfu.policy.document import Policy, load_policy, shipped_text
from houfu.policy.expression import ExpressionFault, is_plain_name, parse_condition, parse_integer
from houfu.policy.fault import PolicyInvalid

WORDS = {"zh": "字", "en": "words", "remedy_zh": "字", "remedy_en": "words"}
# Words that mean something to one engine or another, yet are plain names here.
_NAMES = [
    name
    for name in ("user", "div", "rlike", "anti", "both", "freeze", "stores", "k_store_id", "x0", "b0", "way", "level_0",
                 "zeroed", "reasons", "gmv", "grant", "sum", "level", "offset", "value", "date", "position", "authorization")
    if is_plain_name(name)
]  # fmt: skip
_SHIPPED: dict[str, Any] = yaml.safe_load(shipped_text())
_SHAPES = (
    (0, 1), (1, 9), (0, 500), (-50, 50), (0, 10**12), (-(10**12), 10**12), (1, 10**9),
    (-(2**63), 2**63 - 1), (0, 2**63 - 1), (-(2**63), -1), (7, 7),
)  # fmt: skip
_LITERALS = (0, 1, 2, 3, 7, 10, 100, 480, 1500, 9999, 10_000, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1)


class _Author:
    """Writes expressions over what is declared so far, and keeps those that the checks let pass."""

    def __init__(self, rng: random.Random, tables: dict[str, Interval | None]) -> None:
        self.rng = rng
        self.scope = Scope({}, tables)

    def integer(self, fits: Callable[[Interval], bool] = lambda _: True, depth: int = 4) -> str:
        """An expression that stays in 64 bits and whose interval `fits`."""
        for attempt in range(400):
            text = self._integer(max(depth - attempt // 40, 0))
            try:
                made = bound(parse_integer(text), self.scope)
            except ExpressionFault:
                made = None
            faults = self.scope.faults[:]
            self.scope.faults.clear()
            if made is not None and not faults and fits(made):
                return text
        return self.rng.choice(list(self.scope.names))

    def condition(self) -> str:
        """A condition that can hold and can fail."""
        for _ in range(2000):
            text = self._condition(2)
            try:
                made = truth(parse_condition(text), self.scope)
            except ExpressionFault:
                continue
            faults = self.scope.faults[:]
            self.scope.faults.clear()
            if made.holds and made.fails and not faults:
                return text
        raise AssertionError("no condition found")

    def amount(self, most: int) -> str:
        """An expression from 0 to `most`."""
        text = self.integer(lambda made: made.low >= -(2**62) and made.high <= 2**62)
        made = bound(parse_integer(text), self.scope)
        assert made is not None
        return text if made.low >= 0 and made.high <= most else f"LEAST(GREATEST({text}, 0), {most})"

    def declare(self, name: str, text: str) -> None:
        self.scope.names[name] = bound(parse_integer(text), self.scope)

    def _integer(self, depth: int) -> str:
        kind = self.rng.choice(("name", "literal") if depth == 0 else _KINDS)

        def deeper() -> str:
            return self._integer(depth - 1)

        match kind:
            case "literal":
                return str(self.rng.choice((*_LITERALS, self.rng.randrange(1000))))
            case "negation":
                return f"-({deeper()})"
            case "+" | "-" | "*":
                return f"({deeper()} {kind} {deeper()})"
            case "//":
                names = [name for name, made in self.scope.names.items() if made and made.low >= 1]
                literal = self.rng.choice((1, 2, 3, 7, 100, 10_000, 2**40, 2**63 - 1))
                divisor = self.rng.choice([*names, str(literal)])
                return f"({deeper()} // {divisor})"
            case "case":
                whens = self.rng.randint(1, 3)
                branches = "".join(
                    f"WHEN {self._condition(depth - 1)} THEN {deeper()} " for _ in range(whens)
                )
                return f"CASE {branches}ELSE {deeper()} END"
            case "if":
                return f"IF({self._condition(depth - 1)}, {deeper()}, {deeper()})"
            case "least" | "greatest":
                return f"{kind.upper()}({', '.join(deeper() for _ in range(self.rng.randint(2, 4)))})"
            case "table":
                return f"{self.rng.choice(list(self.scope.tables))}({deeper()})"
            case _:
                return self.rng.choice(list(self.scope.names))

    def _condition(self, depth: int) -> str:
        kind = self.rng.choice(("compare", "compare", "and", "or", "not") if depth > 0 else ("compare",))
        match kind:
            case "and" | "or":
                return f"({self._condition(depth - 1)} {kind.upper()} {self._condition(depth - 1)})"
            case "not":
                return f"(NOT {self._condition(depth - 1)})"
            case _:
                operator = self.rng.choice(("=", "<>", "!=", "<", "<=", ">", ">="))
                return f"{self._integer(max(depth - 1, 0))} {operator} {self._integer(0)}"


_KINDS = (
    "name", "name", "literal", "negation", "+", "-", "*", "//", "//", "case", "if", "least", "greatest",
    "table", "table",
)  # fmt: skip


def random_policy(seed: int) -> Policy:
    """The policy of a seed. A few drafts fail a check that spans rules; the next draft is taken then."""
    for draft in range(50):
        rng = random.Random(seed * 1000 + draft)
        document = _document(rng)
        try:
            return load_policy(yaml.safe_dump(document, allow_unicode=True))
        except PolicyInvalid:
            continue
    raise AssertionError(f"seed {seed} makes no policy")


def _document(rng: random.Random) -> dict[str, Any]:
    names = rng.sample(_NAMES, rng.randint(5, 9))
    inputs = [_input(rng, name, *rng.choice(_SHAPES)) for name in names]
    inputs.append(_input(rng, "divisor", 1, 12))
    inputs.append({"name": "left_over", "unit": "fen", "min": 0, "max": 10**13, **_said()})
    tables = [_table(rng, f"points_{nth}") for nth in range(3)]
    reach = {
        table["name"]: Interval(
            min(values := [band["value"] for band in table["bands"]] + [table["default"]]), max(values)
        )
        for table in tables
    }
    author = _Author(rng, dict(reach))
    for term in inputs:
        author.scope.names[term["name"]] = Interval(term["min"], term["max"])
    steps: list[dict[str, Any]] = []
    for code in [*(f"step_{nth}" for nth in range(rng.randint(1, 4))), "score"]:
        text = author.integer()
        author.declare(code, text)
        steps.append({"code": code, "amount": text, **_said()})
    base: list[dict[str, Any]] = []
    ways = rng.randint(1, 3)
    for nth in range(ways):
        when = {"when": author.condition()} if nth < ways - 1 else {}
        base.append({"code": f"way_{nth}", "amount": author.amount(10**13), **when, **_said()})
    reductions = [
        {"code": f"less_{nth}", "when": author.condition(), "keep_bp": rng.choice((0, 1, 3333, 9999, 10_000)), **WORDS}
        for nth in range(rng.randint(0, 3))
    ]  # fmt: skip
    author.scope.names["base"] = Interval(0, 10**13)
    layers = [_layer(author, nth) for nth in range(rng.randint(0, 4))]
    document = _SHIPPED | {
        "inputs": inputs, "tables": tables, "steps": steps, "base": base, "reductions": reductions,
        "layers": layers, "advice": [], "round_down_to": rng.choice((1, 7, 100, 10_000)),
        "zero_rules": [{"code": f"zero_{nth}", "when": author.condition(), **WORDS} for nth in range(rng.randint(0, 2))],
        "refer_rules": [{"code": f"refer_{nth}", "when": author.condition(), **_said()} for nth in range(rng.randint(0, 2))],
        "partners": [_partner(author, nth) for nth in range(rng.randint(0, 3))],
    }  # fmt: skip
    document.pop("cap")
    if rng.random() < 0.7:
        when = {"when": author.condition()} if rng.random() < 0.5 else {}
        document["cap"] = {"code": "the_cap", "amount": author.amount(10**14), **when, **_said()}
    return document


def _said() -> dict[str, str]:
    return {"zh": "字", "en": "words"}


def _input(rng: random.Random, name: str, low: int, high: int) -> dict[str, Any]:
    stated = {"when_missing": rng.choice((low, high))} if rng.random() < 0.3 else {}
    return {"name": name, "unit": "count", "min": low, "max": high, **stated, **_said()}


def _table(rng: random.Random, name: str) -> dict[str, Any]:
    word = rng.choice(("at_least", "at_most"))
    edges = sorted(
        rng.sample((-(2**63), -1000, -1, 0, 1, 9, 50, 480, 10_000, 2**40, 2**63 - 1), rng.randint(1, 5))
    )
    if word == "at_least":
        edges.reverse()
    values = (0, 1, 5, 20, -3, 10_000, 14_000, -(2**63), 2**63 - 1)
    weights = (9, 9, 9, 9, 4, 9, 9, 1, 1)
    bands = [{word: edge, "value": rng.choices(values, weights)[0]} for edge in edges]
    return {"name": name, "bands": bands, "default": rng.choice((0, 1, -7, 10_000))}


def _layer(author: _Author, nth: int) -> dict[str, Any]:
    when = {"when": author.condition()} if author.rng.random() < 0.5 else {}
    return {
        "kind": f"layer_{nth}",
        "amount": author.amount(10**13),
        "lasts": {"months": 6},
        **when,
        **_said(),
    }


def _partner(author: _Author, nth: int) -> dict[str, Any]:
    return {
        "code": f"bank_{nth}", "when": author.condition(), "cap": author.amount(10**14), "headroom": "left_over",
        "price_ppm_per_day": 100, **_said(),
    }  # fmt: skip


def random_rows(policy: Policy, seed: int, count: int) -> list[dict[str, int]]:
    """Inputs of so many stores: mostly at or beside an edge of a range, a table or a number in the rules."""
    rng = random.Random(seed)
    terms = policy.terms
    texts = [term.amount for term in (*terms.steps, *terms.base, *terms.layers)]
    texts += [term.when for term in (*terms.base, *terms.reductions, *terms.zero_rules) if term.when]
    marks = {0, -1, 1} | {int(number) for text in texts for number in re.findall(r"\b\d+\b", text)}
    for table in terms.tables:
        marks |= {edge for band in table.bands for edge in (band.at_least, band.at_most) if edge is not None}
    near = sorted({at + beside for at in marks for beside in (-1, 0, 1)})
    rows: list[dict[str, int]] = []
    for _ in range(count):
        row: dict[str, int] = {}
        for term in terms.inputs:
            edges = [at for at in near if term.min <= at <= term.max]
            pick = rng.random()
            if pick < 0.25 or (pick < 0.7 and not edges):
                row[term.name] = rng.choice((term.min, term.max))
            elif pick < 0.7:
                row[term.name] = rng.choice(edges)
            else:
                row[term.name] = rng.randint(term.min, term.max)
        rows.append(row)
    return rows
