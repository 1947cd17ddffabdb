"""Which figures differ between two expressions that are built alike, in words.

`base * 2000 // 10000` beside `base * 2500 // 10000` is told as "20% -> 25% of base"; a compared figure takes the
unit of what it is compared with; a figure of an amount of money is money.
"""

from collections.abc import Iterator
from typing import NamedTuple

from houfu.policy.document import Policy
from houfu.policy.expression import (
    Arithmetic,
    Choice,
    Comparison,
    Extreme,
    Integer,
    Joined,
    Literal,
    Lookup,
    Name,
    Negation,
    Not,
    Tree,
)
from houfu.policy.figures import Said, figure

_SHARES = {100: 100, 10_000: 1, 1_000_000: None}
"""A divisor that makes a share of its numerator, and how many basis points one part of it is."""


class TableUnits(NamedTuple):
    """What a table is asked with and what it gives."""

    key: str | None
    value: str | None


class Meaning:
    """A policy's expressions by their place, and the units of what they read."""

    def __init__(self, policy: Policy) -> None:
        rules = policy.rules
        self.inputs: dict[str, str] = {term.name: term.unit for term in policy.terms.inputs}
        self.trees: dict[tuple[str, str, str], Tree] = {}
        put = self._put
        for step, amount in rules.steps:
            put("steps", step.code, amount)
        for base, when, amount in rules.base:
            put("base", base.code, amount, when)
        for reduction, when in rules.reductions:
            put("reductions", reduction.code, None, when)
        for layer, when, amount in rules.layers:
            put("layers", layer.kind, amount, when)
        if rules.cap is not None:
            put("cap", "", rules.cap[2], rules.cap[1])
        for zero, when in rules.zero:
            put("zero_rules", zero.code, None, when)
        for refer, when in rules.refer:
            put("refer_rules", refer.code, None, when)
        for partner, when, cap in rules.partners:
            put("partners", partner.code, None, when)
            self.trees["partners", partner.code, "cap"] = cap

    def _put(self, section: str, code: str, amount: Tree | None, when: Tree | None = None) -> None:
        if amount is not None:
            self.trees[section, code, "amount"] = amount
        if when is not None:
            self.trees[section, code, "when"] = when

    def unit(self, tree: Integer) -> str | None:
        """The unit of a tree, where everything in it has the same."""
        match tree:
            case Name("base" | "total"):
                return "fen"
            case Name(name):
                return self.inputs.get(name)
            case Negation(operand):
                return self.unit(operand)
            case Arithmetic("//" | "*", left, Literal()):
                return self.unit(left)
            case Arithmetic("+" | "-", left, right):
                return self._shared((left, right))
            case Extreme(_, operands):
                return self._shared(operands)
            case _:
                return None

    def units_of_table(self, table: str) -> TableUnits:
        """The units of a table's edges, where all who ask it agree, and of its values, told by its name."""
        asked = {
            self.unit(lookup.operand) for tree in self.trees.values() for lookup in _lookups(tree, table)
        }
        value = next((unit for unit in ("bp", "fen") if table.endswith(f"_{unit}")), None)
        return TableUnits(asked.pop() if len(asked) == 1 else None, value)

    def _shared(self, operands: tuple[Integer, ...]) -> str | None:
        units = {self.unit(operand) for operand in operands if not isinstance(operand, Literal)}
        return units.pop() if len(units) == 1 else None


def amendments(before: Meaning, after: Meaning, place: tuple[str, str, str]) -> tuple[Said, ...]:
    """The figures that differ at `place`; none where more than figures differ."""
    old, new = before.trees.get(place), after.trees.get(place)
    if old is None or new is None:
        return ()
    money = "fen" if place[2] in ("amount", "cap") and place[0] != "steps" else None
    told: list[Said] = []
    return tuple(told) if _walk(old, new, money, after, told) else ()


def _walk(old: Tree, new: Tree, unit: str | None, meaning: Meaning, told: list[Said]) -> bool:
    """Tell every figure that differs; False where the trees are not built alike. `unit` is of a bare figure here."""
    match old, new:
        case Literal(was), Literal(now):
            if was != now:
                told.append(_became(figure(was, unit), figure(now, unit)))
            return True
        case Name(was), Name(now):
            return was == now
        case Negation(was), Negation(now):
            return _walk(was, now, unit, meaning, told)
        case Not(was), Not(now):
            return _walk(was, now, None, meaning, told)
        case Lookup(table, was), Lookup(other, now):
            return table == other and _walk(was, now, None, meaning, told)
        case (
            Arithmetic("//", Arithmetic("*", whole, Literal(was)), Literal(of)),
            Arithmetic("//", Arithmetic("*", other, Literal(now)), Literal(of_now)),
        ) if of == of_now and of in _SHARES:
            if was != now:
                told.append(_share(was, now, of, whole))
            return _walk(whole, other, None, meaning, told)
        case Arithmetic(), Arithmetic():
            inner = unit if old.operator in "+-" else None
            return (
                old.operator == new.operator
                and _walk(old.left, new.left, inner, meaning, told)
                and _walk(old.right, new.right, inner, meaning, told)
            )
        case Comparison(), Comparison():
            return _compared(old, new, meaning, told)
        case Joined(), Joined():
            return (
                old.connective == new.connective
                and _walk(old.left, new.left, None, meaning, told)
                and _walk(old.right, new.right, None, meaning, told)
            )
        case Extreme(function, olds), Extreme(other, news):
            alike = function == other and len(olds) == len(news)
            return alike and all(
                _walk(was, now, unit, meaning, told) for was, now in zip(olds, news, strict=True)
            )
        case Choice(olds, old_else), Choice(news, new_else):
            alike = len(olds) == len(news) and all(
                _walk(was_when, now_when, None, meaning, told) and _walk(was, now, unit, meaning, told)
                for (was_when, was), (now_when, now) in zip(olds, news, strict=True)
            )
            return alike and _walk(old_else, new_else, unit, meaning, told)
        case _:
            return False


def _compared(old: Comparison, new: Comparison, meaning: Meaning, told: list[Said]) -> bool:
    if isinstance(old.right, Literal) and isinstance(new.right, Literal):
        if not _walk(old.left, new.left, None, meaning, told):
            return False
        if old.operator == new.operator and old.right.value == new.right.value:
            return True
        unit = meaning.unit(new.left)
        was, now = figure(old.right.value, unit), figure(new.right.value, unit)
        left = written(new.left)
        told.append(
            Said(
                f"{left} {old.operator} {was.zh} -> {new.operator} {now.zh}",
                f"{left} {old.operator} {was.en} -> {new.operator} {now.en}",
            )
        )
        return True
    return (
        old.operator == new.operator
        and _walk(old.left, new.left, meaning.unit(new.right), meaning, told)
        and _walk(old.right, new.right, meaning.unit(new.left), meaning, told)
    )


def _share(was: int, now: int, of: int, whole: Integer) -> Said:
    parts = _SHARES[of]
    unit, scale = ("ppm", 1) if parts is None else ("bp", parts)
    old, new = figure(was * scale, unit), figure(now * scale, unit)
    subject = written(whole)
    zh, en = ("基础额度", "the base") if subject == "base" else (subject, subject)
    return Said(f"{zh}的{old.zh} -> {new.zh}", f"{old.en} -> {new.en} of {en}")


def _became(was: Said, now: Said) -> Said:
    return Said(f"{was.zh} -> {now.zh}", f"{was.en} -> {now.en}")


def written(tree: Integer) -> str:
    """A short tree as text, for people; `...` inside a longer one."""
    match tree:
        case Literal(value):
            return str(value)
        case Name(name):
            return name
        case Negation(operand):
            return f"-{written(operand)}"
        case Arithmetic(operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
        case Extreme(function, operands):
            return f"{function.upper()}({', '.join(written(operand) for operand in operands)})"
        case Lookup(table, operand):
            return f"{table}({written(operand)})"
        case Choice():
            return "CASE ... END"


def _lookups(tree: Tree, table: str) -> Iterator[Lookup]:
    match tree:
        case Lookup(name, operand):
            if name == table:
                yield tree
            yield from _lookups(operand, table)
        case Negation(operand) | Not(operand):
            yield from _lookups(operand, table)
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Joined(_, left, right):
            yield from _lookups(left, table)
            yield from _lookups(right, table)
        case Extreme(_, operands):
            for operand in operands:
                yield from _lookups(operand, table)
        case Choice(branches, otherwise):
            for when, value in branches:
                yield from _lookups(when, table)
                yield from _lookups(value, table)
            yield from _lookups(otherwise, table)
        case _:
            return
