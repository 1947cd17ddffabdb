"""A policy's rules as one SQL statement over a table of stores, with the meaning of `houfu.policy.compile`.

The text is written from the checked trees alone, never from the author's text: columns become `v_<name>` of an
already checked form, numbers are printed by Python. Nothing in it can leave 64 bits and no divisor is below 1,
whatever branch is taken: loading the policy proved that from the inputs' declared ranges. So every part that would
be written twice is a column of its own, worked out one level below the part that reads it, and the text stays as
long as the policy is.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal as Word

from houfu.policy.bounds import Interval, Scope, bound
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
from houfu.policy.terms import InputTerm, PolicyTerms, TableTerm

ANSWERS = ("total", "base", "score", "zeroed", "reasons")
"""The columns of an answer: fen, fen, points, boolean, and the mask of `Rules.codes`; all but `zeroed` 64-bit."""

DialectName = Word["duckdb", "postgresql", "spark"]

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LOWEST = -(2**63)


@dataclass(frozen=True, slots=True)
class Dialect:
    """All that differs between the engines."""

    quote: str
    """around a column's name"""
    divide: str
    """64-bit division that drops the fraction"""
    fence: str = ""
    """what keeps the planner from writing a column's expression into every place that reads the column"""


DIALECTS: dict[DialectName, Dialect] = {
    "duckdb": Dialect(quote='"', divide="//"),
    "postgresql": Dialect(quote='"', divide="/", fence=" OFFSET 0"),
    "spark": Dialect(quote="`", divide="div"),
}


def select_statement(
    policy: Policy,
    dialect: DialectName,
    relation: str,
    *,
    keep: Sequence[str] = ("store_id",),
    prefix: str = "",
    absent: Collection[str] = (),
    proven: Collection[str] = (),
) -> str:
    """The SELECT that decides about every row of `relation` by `policy`.

    `relation` stands after FROM as it is: a table, a function or `(...) AS name`; never text from outside. Its
    columns are the policy's inputs, integers of any width, except those in `absent`, whose stated stand-in is
    taken. It gives the columns of `keep` unchanged, then ANSWERS, each name with `prefix` before it. A NULL
    without a stand-in, or a value out of its declared range, fails the statement with a text that names the input;
    the inputs in `proven` are known to hold neither and are not checked.

    Two versions over one table in one pass:

        first = select_statement(a, "duckdb", "snapshots", keep=("store_id", *inputs_of_b), prefix="a_")
        both = select_statement(b, "duckdb", f"({first}) AS first", keep=("store_id", "a_total"), prefix="b_")

    Raises ValueError for a name in `keep` or `prefix` that is not plain, and for names that would meet.
    """
    given = [*keep, *(prefix + answer for answer in ANSWERS)]
    for name in given:
        if _PLAIN.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no plain column name")
    if len(set(given)) < len(given):
        raise ValueError(f"two columns of {', '.join(given)} have one name")
    engine = DIALECTS[dialect]
    inputs = [_input(term, engine, absent, proven) for term in policy.terms.inputs]
    kept = [f"{_quoted(name, engine)} AS k_{name}" for name in keep]
    writer = _Writer(policy.terms, engine, kept + inputs)
    answers = _decide(policy, writer)
    carried = [f"k_{name} AS {_quoted(name, engine)}" for name in keep]
    made = [f"{text} AS {prefix}{answer}" for answer, text in zip(ANSWERS, answers, strict=True)]
    return writer.statement(relation, carried + made)


def _decide(policy: Policy, write: "_Writer") -> tuple[str, str, str, str, str]:
    """The texts of ANSWERS, every column they read being defined."""
    rules = policy.rules
    for term, tree in rules.steps:
        write.step(term.code, tree)
    way = write.first_of([when for _, when, _ in rules.base if when is not None], "way", otherwise=True)
    write.pick("b0", way, [tree for _, _, tree in rules.base])
    write.known("base", [tree for _, _, tree in rules.base])
    mask = _Mask([], [way], len(rules.base))
    for nth, (term, when) in enumerate(rules.reductions, start=1):
        fires = mask.add(write.truth(f"r{nth}", when))
        kept = write.divided(f"b{nth - 1} * {term.keep_bp}", "10000")
        write.column(f"b{nth}", f"CASE WHEN {fires} THEN {kept} ELSE b{nth - 1} END")
    write.column("v_base", f"b{len(rules.reductions)}")
    for nth, (_, when, tree) in enumerate(rules.layers):
        amount = _typed(tree, write.integer(tree))
        if when is not None:
            amount = f"CASE WHEN {write.condition(when)} THEN {amount} ELSE {_wide(0)} END"
        mask.add(f"{write.column(f'l{nth}', amount)} <> 0")
    total = write.column("t0", " + ".join(["v_base", *(f"l{nth}" for nth in range(len(rules.layers)))]))
    if rules.cap is not None:
        _, when, tree = rules.cap
        write.column("c0", _typed(tree, write.integer(tree)))
        held = "" if when is None else f"{write.condition(when)} AND "
        binds = mask.add(write.column("capped", f"{held}{total} > c0"))
        total = write.column("t1", f"CASE WHEN {binds} THEN c0 ELSE {total} END")
    zeros = [mask.add(write.truth(f"z{nth}", when)) for nth, (_, when) in enumerate(rules.zero)]
    for nth, (_, when) in enumerate(rules.refer):
        mask.add(write.truth(f"f{nth}", when))
    if rules.partners:
        funder = write.first_of([when for _, when, _ in rules.partners], "funder", otherwise=False)
        lent = [
            f"LEAST({write.integer(tree)}, v_{term.headroom}, {total})" for term, _, tree in rules.partners
        ]
        total = write.column("t2", _chosen(funder, lent, total))
        mask.wide.append(f"{funder} * {1 << mask.bit}")
    mask.small += write.unread()
    zeroed = write.column("zeroed", " OR ".join(zeros) or "FALSE")
    floored = f"{total} - {total} % {policy.terms.round_down_to}"
    rounded = f"CASE WHEN {zeroed} THEN {_wide(0)} ELSE {floored} END"
    return rounded, "v_base", "v_score", zeroed, " + ".join(mask.small + mask.wide)


@dataclass(slots=True)
class _Mask:
    """The terms of a sum of bits. The 32-bit ones stand first: engines add them faster."""

    small: list[str]
    wide: list[str]
    bit: int

    def add(self, condition: str) -> str:
        """Let the next bit stand where `condition` holds; gives the condition."""
        if self.bit < 30:
            self.small.append(f"CASE WHEN {condition} THEN {1 << self.bit} ELSE 0 END")
        else:
            self.wide.append(f"CASE WHEN {condition} THEN {1 << self.bit} ELSE {_wide(0)} END")
        self.bit += 1
        return condition


class _Writer:
    """Writes trees as SQL, and puts every named column on the lowest level where all that it reads is known."""

    def __init__(self, terms: PolicyTerms, engine: Dialect, bottom: list[str]) -> None:
        self._tables: dict[str, TableTerm] = {term.name: term for term in terms.tables}
        ranges = {name: _values(table) for name, table in self._tables.items()}
        self._scope = Scope({term.name: Interval(term.min, term.max) for term in terms.inputs}, ranges)
        self._inputs = terms.inputs
        self._read: set[str] = set()
        self._engine = engine
        self._level_of: dict[str, int] = {f"v_{term.name}": 0 for term in terms.inputs}
        self._levels: list[list[str]] = []
        self._hoisted: dict[str, str] = {}
        self._bottom = bottom

    def statement(self, relation: str, last: list[str]) -> str:
        """The whole text: the inputs at the bottom, each level around the one that it reads."""
        text = f"SELECT {_listed(self._bottom)}\nFROM {relation}{self._engine.fence}"
        for nth, columns in enumerate(self._levels):
            text = f"SELECT *, {_listed(columns)}\nFROM (\n{text}\n) AS level_{nth}{self._engine.fence}"
        return f"SELECT {_listed(last)}\nFROM (\n{text}\n) AS level_{len(self._levels)}"

    def unread(self) -> list[str]:
        """Nothing, added for each input that no rule reads: an engine checks only what it reads."""
        return [
            f"CASE WHEN v_{term.name} BETWEEN {number(term.min)} AND {number(term.max)} THEN 0 ELSE 1 END"
            for term in self._inputs
            if f"v_{term.name}" not in self._read
        ]

    def column(self, name: str, text: str) -> str:
        """Define a column; gives its name."""
        reads = {word for word in _WORD.findall(text) if word in self._level_of}
        self._read |= reads
        level = 1 + max((self._level_of[word] for word in reads), default=0)
        self._level_of[name] = level
        while len(self._levels) < level:
            self._levels.append([])
        self._levels[level - 1].append(f"{text} AS {name}")
        return name

    def step(self, code: str, tree: Integer) -> None:
        self.column(f"v_{code}", _typed(tree, self.integer(tree)))
        self._scope.names[code] = bound(tree, self._scope)

    def known(self, name: str, trees: Sequence[Integer]) -> None:
        """From here on `name` can be whatever any of `trees` can, or less: nothing of it is negative."""
        reach = [made for tree in trees if (made := bound(tree, self._scope)) is not None]
        self._scope.names[name] = Interval(0, max(made.high for made in reach))

    def truth(self, name: str, when: Condition) -> str:
        return self.column(name, self.condition(when))

    def first_of(self, whens: Sequence[Condition], name: str, *, otherwise: bool) -> str:
        """A column with 1, 2, 4, ... for the first condition that holds; where none does the next power, or 0."""
        if not whens:
            return self.column(name, _wide(1))
        branches = "".join(f"WHEN {self.condition(when)} THEN {1 << nth} " for nth, when in enumerate(whens))
        return self.column(name, f"CASE {branches}ELSE {_wide(1 << len(whens) if otherwise else 0)} END")

    def pick(self, name: str, chosen: str, trees: Sequence[Integer]) -> None:
        """A column with the tree whose number `first_of` gave; the last where none of the others is."""
        texts = [self.integer(tree) for tree in trees]
        self.column(name, _chosen(chosen, texts[:-1], _typed(trees[-1], texts[-1])))

    def divided(self, dividend: str, divisor: str) -> str:
        """The quotient of what is never negative, floored."""
        return f"({dividend}) {self._engine.divide} {divisor}"

    def integer(self, tree: Integer) -> str:
        match tree:
            case Literal(value):
                return number(value)
            case Name(name):
                return f"v_{name}"
            case Negation(operand):
                return f"(-{self.integer(operand)})"
            case Arithmetic("//", left, right):
                return self._floored(left, self.integer(right))
            case Arithmetic(operator, left, right):
                return f"({_typed(left, self.integer(left))} {operator} {self.integer(right)})"
            case Extreme(function, operands):
                first, *others = (self.integer(operand) for operand in operands)
                return f"{function.upper()}({', '.join([_typed(operands[0], first), *others])})"
            case Choice(branches, otherwise):
                written = "".join(
                    f"WHEN {self.condition(when)} THEN {self.integer(value)} " for when, value in branches
                )
                return f"CASE {written}ELSE {_typed(otherwise, self.integer(otherwise))} END"
            case Lookup(table, operand):
                return self._looked_up(self._tables[table], self._named(operand))

    def condition(self, tree: Condition) -> str:
        match tree:
            case Comparison(operator, left, right):
                return f"({self.integer(left)} {operator} {self.integer(right)})"
            case Joined(connective, left, right):
                return f"({self.condition(left)} {connective.upper()} {self.condition(right)})"
            case Not(operand):
                return f"(NOT {self.condition(operand)})"

    def _floored(self, dividend: Integer, divisor: str) -> str:
        reach = bound(dividend, self._scope)
        divide = self._engine.divide
        if reach is not None and reach.low >= 0:
            return f"({_typed(dividend, self.integer(dividend))} {divide} {divisor})"
        name = self._named(dividend)
        return f"({name} {divide} {divisor} - CASE WHEN {name} % {divisor} < 0 THEN 1 ELSE 0 END)"

    def _named(self, tree: Integer) -> str:
        """A column that holds `tree`, so that it may be read twice."""
        text = _typed(tree, self.integer(tree))
        if isinstance(tree, Name):
            return text
        if text not in self._hoisted:
            self._hoisted[text] = self.column(f"x{len(self._hoisted)}", text)
        return self._hoisted[text]

    def _looked_up(self, table: TableTerm, operand: str) -> str:
        bands = "".join(
            f"WHEN {operand} >= {number(band.at_least)} THEN {number(band.value)} "
            if band.at_least is not None
            else f"WHEN {operand} <= {number(band.at_most or 0)} THEN {number(band.value)} "
            for band in table.bands
        )
        return f"CASE {bands}ELSE {_wide(table.default)} END"


_WORD = re.compile(r"\b[a-z]\w*")


def _input(term: InputTerm, engine: Dialect, absent: Collection[str], proven: Collection[str]) -> str:
    """An input as a 64-bit number of its declared range; anything else fails as a cast of words that name it."""
    name = f"v_{term.name}"
    if term.name in absent:
        if term.when_missing is None:
            raise ValueError(f"the policy states nothing that stands in for {term.name}")
        return f"{_wide(term.when_missing)} AS {name}"
    column = _quoted(term.name, engine)
    if term.name in proven:
        return f"CAST({column} AS BIGINT) AS {name}"
    if term.when_missing is not None:
        column = f"COALESCE({column}, {number(term.when_missing)})"
    problem = f"COALESCE(CONCAT('input {term.name}: ', {column}), 'input {term.name}: missing')"
    return (
        f"CASE WHEN {column} BETWEEN {number(term.min)} AND {number(term.max)} "
        f"THEN CAST({column} AS BIGINT) ELSE CAST({problem} AS BIGINT) END AS {name}"
    )


def _chosen(chosen: str, texts: Sequence[str], otherwise: str) -> str:
    """The text whose power of two is in the column `chosen`."""
    if not texts:
        return otherwise
    branches = "".join(f"WHEN {1 << nth} THEN {text} " for nth, text in enumerate(texts))
    return f"CASE {chosen} {branches}ELSE {otherwise} END"


def _values(table: TableTerm) -> Interval:
    values = [band.value for band in table.bands] + [table.default]
    return Interval(min(values), max(values))


def _typed(tree: Integer, text: str) -> str:
    """The text as a 64-bit number: engines read a small literal as 32-bit."""
    literal = isinstance(tree, Literal) or (isinstance(tree, Negation) and isinstance(tree.operand, Literal))
    return f"CAST({text} AS BIGINT)" if literal else text


def _wide(value: int) -> str:
    return f"CAST({number(value)} AS BIGINT)"


def number(value: int) -> str:
    """A literal that no engine reads as wider than 64 bits, nor as the start of a comment."""
    if value == _LOWEST:
        return f"({value + 1} - 1)"
    return str(value) if value >= 0 else f"({value})"


def _quoted(name: str, engine: Dialect) -> str:
    return f"{engine.quote}{name}{engine.quote}"


def _listed(columns: Sequence[str]) -> str:
    return ",\n  ".join(columns)
