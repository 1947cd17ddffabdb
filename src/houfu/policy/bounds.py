"""What an expression can be: an interval carried from the inputs' declared ranges to every rule.

The intervals are never too narrow, so a policy that passes cannot leave 64 bits on any engine, whatever
the inputs within their ranges and whichever branch an engine works out. What a condition tells about the branch below it
is used to find branches that are never taken, never to make an interval narrower.
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
from houfu.policy.source import clip

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


Assumed = Mapping[str, Interval]
"""What a condition that held, or failed, tells about the names it read."""


@dataclass(slots=True)
class Scope:
    """The names an expression may read. A value of None stands for a name whose own rule is faulty."""

    names: dict[str, Interval | None]
    tables: Mapping[str, Interval | None]
    later: frozenset[str] = frozenset()
    assumed: Assumed = field(default_factory=dict[str, Interval])
    asked: dict[str, Interval] = field(default_factory=dict[str, Interval])
    """what each table is looked up with"""
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
            key = bound(operand, scope)
            if table not in scope.tables:
                scope.fault(at, f"there is no table `{clip(table)}`", suggest(table, list(scope.tables)))
                return None
            whole = key or Interval(INTEGER_MIN, INTEGER_MAX)
            scope.asked[table] = scope.asked.get(table, whole) | whole
            return scope.tables[table]


def truth(condition: Condition, scope: Scope) -> Truth:
    """Whether `condition` can hold and can fail; faults are added to the scope."""
    held, failed = judge(condition, scope.assumed, scope)
    return Truth(holds=held is not None, fails=failed is not None)


def judge(condition: Condition, known: Assumed, scope: Scope) -> tuple[Assumed | None, Assumed | None]:
    """What is known where `condition` holds, and where it fails, of what is `known` before; None where that cannot be.

    Never narrower than the truth; faults are added to the scope.
    """
    match condition:
        case Comparison(operator, left, right):
            a, b = _under(known, left, scope), _under(known, right, scope)
            if a is None or b is None:
                return known, known
            held = _compared(operator, (left, a), (right, b), known)
            return held, _compared(_OPPOSITE[operator], (left, a), (right, b), known)
        case Joined(connective, left, right):
            held, failed = judge(left, known, scope)
            on = held if connective == "and" else failed
            # Where the right side is never asked it is still read for its faults.
            right_held, right_failed = judge(right, known if on is None else on, scope)
            if on is None:
                return held, failed
            if connective == "and":
                return right_held, _either(failed, right_failed)
            return _either(held, right_held), right_failed
        case Not(operand):
            held, failed = judge(operand, known, scope)
            return failed, held


_OPPOSITE: dict[str, str] = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: dict[str, str] = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _under(known: Assumed, tree: Integer, scope: Scope) -> Interval | None:
    made = bound(tree, scope)
    return known.get(tree.name, made) if isinstance(tree, Name) and made is not None else made


def _compared(
    operator: str, left: tuple[Integer, Interval], right: tuple[Integer, Interval], known: Assumed
) -> Assumed | None:
    (left_tree, a), (right_tree, b) = left, right
    if not _can_hold(operator, a, b):
        return None
    told = dict(known)
    if isinstance(left_tree, Name):
        told[left_tree.name] = _narrowed(operator, a, b)
    if isinstance(right_tree, Name):
        told[right_tree.name] = _narrowed(_MIRRORED[operator], b, a)
    return told


def _can_hold(operator: str, a: Interval, b: Interval) -> bool:
    match operator:
        case "<":
            return a.low < b.high
        case "<=":
            return a.low <= b.high
        case ">":
            return a.high > b.low
        case ">=":
            return a.high >= b.low
        case "=":
            return a.low <= b.high and b.low <= a.high
        case _:
            return not a.low == a.high == b.low == b.high


def _narrowed(operator: str, a: Interval, b: Interval) -> Interval:
    """What is left of `a` where it compares so with some value of `b`; there is one."""
    match operator:
        case "<":
            return Interval(a.low, min(a.high, b.high - 1))
        case "<=":
            return Interval(a.low, min(a.high, b.high))
        case ">":
            return Interval(max(a.low, b.low + 1), a.high)
        case ">=":
            return Interval(max(a.low, b.low), a.high)
        case "=":
            return Interval(max(a.low, b.low), min(a.high, b.high))
        case _ if b.low == b.high:
            return Interval(a.low + (a.low == b.low), a.high - (a.high == b.low))
        case _:
            return a


def _either(one: Assumed | None, other: Assumed | None) -> Assumed | None:
    if one is None or other is None:
        return other if one is None else one
    return {name: one[name] | other[name] for name in one.keys() & other.keys()}


def _bound_name(name: str, at: int, scope: Scope) -> Interval | None:
    if name in scope.names:
        return scope.names[name]
    if name in scope.later:
        scope.fault(at, f"`{clip(name)}` is defined later", "a rule may only read what stands above it")
    else:
        scope.fault(at, f"there is no input or step `{clip(name)}`", suggest(name, list(scope.names)))
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
    before = scope.assumed
    left: Assumed | None = before
    for when, value in branches:
        held, failed = judge(when, before if left is None else left, scope)
        if left is None or held is None:
            scope.fault(when.at, "this branch can never be taken", "remove it or check the ranges")
        scope.assumed = before if held is None else held
        interval = bound(value, scope)
        hidden = hidden or interval is None
        if interval is not None:
            made = interval if made is None else made | interval
        left = None if left is None else failed
    if left is None:
        scope.fault(otherwise.at, "ELSE can never be taken", "remove the condition or check the ranges")
    scope.assumed = before if left is None else left
    last = bound(otherwise, scope)
    scope.assumed = before
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
