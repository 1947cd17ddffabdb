"""What an expression can be: an interval carried from the inputs' declared ranges to every rule.

The intervals are never too narrow, so a policy that passes cannot leave 64 bits on any engine, whatever
the inputs within their ranges.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
from houfu.policy.shape import suggest

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Interval:
    """Every integer from `low` to `high`, both included."""

    low: int
    high: int

    def __or__(self, other: "Interval") -> "Interval":
        return Interval(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a condition can hold, and whether it can fail."""

    holds: bool
    fails: bool


EITHER = Truth(holds=True, fails=True)


@dataclass(slots=True)
class Scope:
    """The names an expression may read. A value of None stands for a name whose own rule is faulty."""

    names: dict[str, Interval | None]
    tables: Mapping[str, Interval | None]
    later: frozenset[str] = frozenset()
    faults: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])

    def fault(self, at: int, message: str, suggestion: str = "") -> None:
        self.faults.append((at, message, suggestion))


def bound(tree: Integer, scope: Scope) -> Interval | None:
    """The interval of `tree`, or None where a fault hides it; faults are added to the scope."""
    match tree:
        case Literal(value):
            return Interval(value, value)
        case Name(name, at):
            return _bound_name(name, at, scope)
        case Negation(operand, at):
            inner = bound(operand, scope)
            return None if inner is None else _within(Interval(-inner.high, -inner.low), at, scope)
        case Arithmetic():
            return _bound_arithmetic(tree, scope)
        case Choice(branches, otherwise):
            return _bound_choice(branches, otherwise, scope)
        case Extreme(function, operands):
            pick: Callable[[list[int]], int] = min if function == "least" else max
            bounds = [bound(operand, scope) for operand in operands]
            known = [interval for interval in bounds if interval is not None]
            if len(known) < len(bounds):
                return None
            return Interval(pick([part.low for part in known]), pick([part.high for part in known]))
        case Lookup(table, operand, at):
            bound(operand, scope)
            if table not in scope.tables:
                scope.fault(at, f"there is no table `{table}`", suggest(table, list(scope.tables)))
                return None
            return scope.tables[table]


def truth(condition: Condition, scope: Scope) -> Truth:
    """Whether `condition` can hold and can fail; faults are added to the scope."""
    match condition:
        case Comparison(operator, left, right):
            return _compare(operator, bound(left, scope), bound(right, scope))
        case Joined(connective, left, right):
            a, b = truth(left, scope), truth(right, scope)
            if connective == "and":
                return Truth(holds=a.holds and b.holds, fails=a.fails or b.fails)
            return Truth(holds=a.holds or b.holds, fails=a.fails and b.fails)
        case Not(operand):
            inner = truth(operand, scope)
            return Truth(holds=inner.fails, fails=inner.holds)


def _bound_name(name: str, at: int, scope: Scope) -> Interval | None:
    if name in scope.names:
        return scope.names[name]
    if name in scope.later:
        scope.fault(at, f"`{name}` is defined later", "a rule may only read what stands above it")
    else:
        scope.fault(at, f"there is no input or step `{name}`", suggest(name, list(scope.names)))
    return None


def _bound_arithmetic(tree: Arithmetic, scope: Scope) -> Interval | None:
    left, right = bound(tree.left, scope), bound(tree.right, scope)
    if tree.operator == "//":
        _check_divisor(tree, right, scope)
    if left is None or right is None:
        return None
    match tree.operator:
        case "+":
            made = Interval(left.low + right.low, left.high + right.high)
        case "-":
            made = Interval(left.low - right.high, left.high - right.low)
        case "*":
            made = _corners(left, right, lambda a, b: a * b)
        case "//":
            if right.low < 1:
                return None
            made = _corners(left, right, lambda a, b: a // b)
    return _within(made, tree.at, scope)


def _check_divisor(tree: Arithmetic, divisor: Interval | None, scope: Scope) -> None:
    if not isinstance(tree.right, Literal | Name):
        scope.fault(
            tree.right.at, "a divisor must be a positive literal or a name", "give it a step of its own"
        )
    elif divisor is not None and divisor.low < 1:
        hint = "declare its input with min: 1" if isinstance(tree.right, Name) else ""
        scope.fault(tree.right.at, f"the divisor may be {divisor.low}, it must be 1 or more", hint)


def _bound_choice(
    branches: tuple[tuple[Condition, Integer], ...], otherwise: Integer, scope: Scope
) -> Interval | None:
    made: Interval | None = None
    hidden = False
    decided = False
    for when, value in branches:
        judged = truth(when, scope)
        if decided or not judged.holds:
            scope.fault(when.at, "this branch can never be taken", "remove it or check the ranges")
        interval = bound(value, scope)
        hidden = hidden or interval is None
        if interval is not None:
            made = interval if made is None else made | interval
        decided = decided or not judged.fails
    if decided:
        scope.fault(otherwise.at, "ELSE can never be taken", "remove the condition or check the ranges")
    last = bound(otherwise, scope)
    if hidden or last is None or made is None:
        return None
    return made | last


def _corners(left: Interval, right: Interval, operate: Callable[[int, int], int]) -> Interval:
    """Both operations are monotone in each operand, so the extremes lie at the corners."""
    values = [operate(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return Interval(min(values), max(values))


def _within(interval: Interval, at: int, scope: Scope) -> Interval | None:
    if interval.low >= INTEGER_MIN and interval.high <= INTEGER_MAX:
        return interval
    worst = interval.high if interval.high > INTEGER_MAX else interval.low
    scope.fault(
        at,
        f"may overflow 64 bits (up to about {_rounded(worst)})",
        "divide earlier or narrow the inputs' min and max",
    )
    return None


def _rounded(value: int) -> str:
    sign, digits = ("-" if value < 0 else ""), str(abs(value))
    return f"{sign}{digits[0]}e{len(digits) - 1}"


def _compare(operator: str, left: Interval | None, right: Interval | None) -> Truth:
    if left is None or right is None:
        return EITHER
    match operator:
        case "<":
            return Truth(holds=left.low < right.high, fails=left.high >= right.low)
        case "<=":
            return Truth(holds=left.low <= right.high, fails=left.high > right.low)
        case ">":
            return Truth(holds=left.high > right.low, fails=left.low <= right.high)
        case ">=":
            return Truth(holds=left.high >= right.low, fails=left.low < right.high)
        case _:
            apart = left.high < right.low or right.high < left.low
            same = left.low == left.high == right.low == right.high
            equal = Truth(holds=not apart, fails=not same)
            return equal if operator == "=" else Truth(holds=equal.fails, fails=equal.holds)
