"""The expression language: what it means, and everything it refuses."""

import itertools
import random

import pytest

from houfu.policy.bounds import Interval, Scope, bound, judge, truth
from houfu.policy.document import load_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.explain import explain
from houfu.policy.expression import (
    Arithmetic,
    Comparison,
    Condition,
    ExpressionFault,
    Integer,
    Joined,
    Literal,
    Name,
    Not,
    is_plain_name,
    names_in,
    parse_condition,
    parse_integer,
)

from .test_cases import CASES

HOSTILE = [
    "1; DROP TABLE stores",
    "level); DELETE FROM stores; --",
    "SELECT 1",
    "(SELECT max(total) FROM lines)",
    "level UNION SELECT 1",
    "EXISTS(SELECT 1)",
    "level IN (1, 2)",
    "level IN (SELECT 1)",
    "__import__('os')",
    "().__class__",
    "level.__class__",
    "a.b.c",
    "level[0]",
    "{level}",
    "level -- comment",
    "level /* comment */",
    "'1'",
    '"level"',
    "`level`",
    "$1",
    "?",
    ":name",
    "@x",
    "level::text",
    "CAST(level AS TEXT)",
    "lambda: level",
    "level if level else 1",
    "level ** 9",
    "level ^ 2",
    "level % 2",
    "level / 2",
    "level & 1",
    "level | 1",
    "~level",
    "level << 60",
    "level := 3",
    "1.5",
    "1.",
    ".5",
    "1e9",
    "1_000",
    "0x10",
    "12abc",
    "9223372036854775808",
    "1" * 400,
    "NULL",
    "TRUE",
    "level IS NULL",
    "level BETWEEN 1 AND 2",
    "level LIKE 1",
    "COALESCE(level, 1)",
    "COUNT(*)",
    "SUM(level)",
    "ABS(level)",
    "RANDOM()",
    "NOW()",
    "CURRENT_DATE",
    "pg_sleep(10, 1)",
    "read_csv()",
    "LEAST()",
    "LEAST(level)",
    "IF(level = 1, 2)",
    "CASE level WHEN 1 THEN 2 ELSE 3 END",
    "CASE WHEN level = 1 THEN 2 END",
    "CASE WHEN level THEN 2 ELSE 3 END",
    "level = 1",
    "NOT level",
    "level AND 1",
    "1 + (level = 1)",
    "level level",
    "level,",
    "(level, 1)",
    "(level",
    "level)",
    "level +",
    "* level",
    "*",
    "",
    "   ",
    "\x00",
    "level\u200b",
    "等级",
    "level DIV 2",
    "DISTINCT level",
    "INTERVAL 1 DAY",
    "(" * 30 + "level" + ")" * 30,
    "least(1, " * 30 + "level" + ")" * 30,
    "CASE WHEN level = 1 THEN " * 30 + "1" + " ELSE 0 END" * 30,
    "+".join(["level"] * 100),
    "- " * 60 + "level",
    "NOT " * 240 + "level",
    "IF",
    "if + 1",
    "set level = 1",
    "show level",
    "(" * 1500,
    "level + " * 240,
    "(" * 100_000,
    "level + " * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:30] for text in HOSTILE])
def test_whatever_is_not_in_the_language_is_refused(text: str) -> None:
    with pytest.raises(ExpressionFault) as caught:
        parse_integer(text)
    assert 0 <= caught.value.offset <= len(text)
    assert caught.value.message


@pytest.mark.parametrize(
    "text", ["level", "1", "level + 1", "CASE WHEN a = 1 THEN 1 ELSE 0 END", "a = b = c", "a < b < c"]
)
def test_an_integer_is_no_condition(text: str) -> None:
    with pytest.raises(ExpressionFault):
        parse_condition(text)


@pytest.mark.parametrize(
    "text, offset",
    [
        ("level + gmv / 3", 12),
        ("level\n  + 'x'", 10),
        ("level + SUM(a)", 12),
        ("level AND 1", 0),
        ("a + b c", 4),
    ],
)
def test_a_fault_says_where(text: str, offset: int) -> None:
    with pytest.raises(ExpressionFault) as caught:
        parse_integer(text)
    assert abs(caught.value.offset - offset) <= 4


def valued(text: str, **inputs: int) -> int:
    """What the compiled policy makes of `text`, put in as the first step of the shipped policy."""
    declared = "".join(
        f"  - {{name: {name}, unit: count, min: -1000000, max: 1000000, zh: 数, en: number}}\n"
        for name in inputs
    )
    source = shipped_text().replace("\nmeasures:", f"\n{declared}\nmeasures:", 1)
    source = source.replace(
        "\nsteps:\n", f'\nsteps:\n  - {{code: probe, amount: "{text}", zh: 值, en: value}}\n', 1
    )
    explained = explain(load_policy(source), CASES[0]["inputs"] | inputs)
    return explained.trace[0].result


@pytest.mark.parametrize(
    "text, inputs, value",
    [
        ("x // 3", {"x": 7}, 2),
        ("x // 3", {"x": -7}, -3),
        ("-x // 3", {"x": 7}, -3),
        ("-(x // 3)", {"x": 7}, -2),
        ("x // gmv_months", {"x": -10}, -4),
        ("1 + 2 * x - 4", {"x": 5}, 7),
        ("(1 + 2) * x", {"x": 5}, 15),
        ("x - 3 - 2", {"x": 10}, 5),
        ("100 // 7 // 2 + x", {"x": 0}, 7),
        ("LEAST(x, 3, 9)", {"x": 5}, 3),
        ("greatest(x, 3, 9)", {"x": 5}, 9),
        ("IF(x > 4, 1, 2)", {"x": 5}, 1),
        ("CASE WHEN x < 0 THEN 1 WHEN x = 0 THEN 2 ELSE 3 END", {"x": 0}, 2),
        ("CASE WHEN NOT x = 0 AND x <> 1 OR x >= 5 THEN 1 ELSE 0 END", {"x": 1}, 0),
        ("CASE WHEN NOT (x = 0 OR x != 1) THEN 1 ELSE 0 END", {"x": 1}, 1),
        ("CASE WHEN x <= 1 AND (x > 0 OR x < -5) THEN 1 ELSE 0 END", {"x": 1}, 1),
        ("dsr_points(x + 479)", {"x": 1}, 20),
        ("dsr_points(x + 479)", {"x": 0}, 14),
        ("return_points(x)", {"x": 500}, 10),
        ("return_points(x)", {"x": 1501}, 0),
        ("tenure_points(tenure_points(x))", {"x": 12}, 6),
    ],
)
def test_an_expression_means_what_sql_means_and_floors(text: str, inputs: dict[str, int], value: int) -> None:
    assert valued(text, **inputs) == value


@pytest.mark.parametrize(
    "text, low, high",
    [
        ("a + b", -10, 30),
        ("a - b", -30, 10),
        ("a * b", -200, 200),
        ("-a", -10, 10),
        ("a // 3", -4, 3),
        ("b // c", 0, 20),
        ("LEAST(a, 5)", -10, 5),
        ("GREATEST(a, 5)", 5, 10),
        ("CASE WHEN a > 0 THEN b ELSE -1 END", -1, 20),
        ("f(a)", 1, 9),
    ],
)
def test_bounds_hold_every_value_an_expression_can_take(text: str, low: int, high: int) -> None:
    scope = Scope({"a": Interval(-10, 10), "b": Interval(0, 20), "c": Interval(1, 4)}, {"f": Interval(1, 9)})
    assert bound(parse_integer(text), scope) == Interval(low, high)
    assert scope.faults == []


@pytest.mark.parametrize(
    "text, holds, fails",
    [
        ("a > 10", False, True),
        ("a >= -10", True, False),
        ("a = 11", False, True),
        ("a <> 11", True, False),
        ("a = 3", True, True),
        ("a > 10 OR b = 1", True, True),
        ("a > 10 AND b = 1", False, True),
        ("NOT a > 10", True, False),
    ],
)
def test_a_condition_that_cannot_hold_or_fail_is_seen(text: str, holds: bool, fails: bool) -> None:
    scope = Scope({"a": Interval(-10, 10), "b": Interval(0, 20)}, {})
    judged = truth(parse_condition(text), scope)
    assert (judged.holds, judged.fails) == (holds, fails)


def holds(tree: Condition, given: dict[str, int]) -> bool:
    match tree:
        case Comparison(operator, left, right):
            a, b = value_of(left, given), value_of(right, given)
            return {"=": a == b, "<>": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
        case Joined("and", left, right):
            return holds(left, given) and holds(right, given)
        case Joined(_, left, right):
            return holds(left, given) or holds(right, given)
        case Not(operand):
            return not holds(operand, given)


def value_of(tree: Integer, given: dict[str, int]) -> int:
    """Of a name, a number or a sum: all that the conditions below are made of."""
    match tree:
        case Literal(value):
            return value
        case Name(name):
            return given[name]
        case Arithmetic("+", left, right):
            return value_of(left, given) + value_of(right, given)
        case _:
            raise AssertionError(tree)


SMALL = {"a": range(-2, 3), "b": range(4), "c": range(1, 3)}


def conditions(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        left, right = (rng.choice(["a", "b", "c", "a + b", str(rng.randint(0, 4))]) for _ in "lr")
        return f"{left} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {right}"
    inner, other = conditions(rng, depth - 1), conditions(rng, depth - 1)
    return rng.choice([f"NOT ({inner})", f"({inner}) AND ({other})", f"({inner}) OR ({other})"])


def test_what_is_known_below_a_condition_is_never_narrower_than_the_truth() -> None:
    rng, dead = random.Random(11), 0
    everything = [dict(zip(SMALL, values, strict=True)) for values in itertools.product(*SMALL.values())]
    for _ in range(1500):
        tree = parse_condition(conditions(rng, rng.randint(0, 4)))
        scope = Scope({name: Interval(values[0], values[-1]) for name, values in SMALL.items()}, {})
        for told, wanted in zip(judge(tree, {}, scope), (True, False), strict=True):
            met = [given for given in everything if holds(tree, given) is wanted]
            dead += told is None
            assert told is not None or not met
            for given in met:
                assert all(span.low <= given[name] <= span.high for name, span in (told or {}).items())
    assert dead > 50


@pytest.mark.parametrize(
    "name", ["sum", "while", "year", "date", "if", "case", "least", "select", "end", "rank", "A", "a b", "1a"]
)
def test_a_word_of_sql_is_no_name(name: str) -> None:
    assert not is_plain_name(name)


def test_the_names_an_expression_reads_are_listed_in_order() -> None:
    tree = parse_integer("CASE WHEN a = 1 THEN f(b) ELSE LEAST(c, -a) END")
    assert [name.name for name in names_in(tree)] == ["a", "b", "c", "a"]


def test_the_compiled_function_has_no_builtins_to_reach() -> None:
    from houfu.policy.compile import compile_policy

    policy = load_policy(shipped_text())
    decide = compile_policy(policy).decide
    assert decide.__globals__["__builtins__"] == {}
    assert evaluate(policy, CASES[0]["inputs"]).total == CASES[0]["expect"]["total"]
