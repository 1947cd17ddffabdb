"""Hostile policies are refused with a message, in bounded time and memory; nothing of them reaches code or SQL."""

import ast
import builtins
import keyword
import random
from collections.abc import Iterator

import pytest

from houfu.policy.compile import compile_policy
from houfu.policy.document import Policy, load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.expression import DEPTH_MAX, TOKENS_MAX, parse_integer
from houfu.policy.fault import PolicyInvalid
from houfu.policy.rules import FAULTS_MAX, PARTS_MAX, RESERVED
from houfu.policy.source import SOURCE_BYTES_MAX
from houfu.policy.sql import select_statement

from .bounded import Outcome, load_bounded
from .policies import random_policy
from .test_cases import CASES

TEXT = shipped_text()
WORDS = "zh: 字, en: words"
FAULT_LENGTH_MAX = 400


def with_zh(value: str) -> str:
    """The shipped text with another `zh` of the programme."""
    old = "zh: 先用后付商家额度方案"
    assert old in TEXT
    return TEXT.replace(old, f"zh: {value}", 1)


def with_when(condition: str) -> str:
    old = "when: high_risk = 1"
    assert old in TEXT
    return TEXT.replace(old, f'when: "{condition}"', 1)


def with_score(expression: str) -> str:
    old = "amount: credit + sales + service"
    assert old in TEXT
    return TEXT.replace(old, f'amount: "{expression}"', 1)


def document(inputs: str, tables: str, steps: str, base: str = "i0") -> str:
    """A policy of little but these."""
    before, measures = (
        TEXT[: TEXT.index("inputs:")],
        TEXT[TEXT.index("\nmeasures:") : TEXT.index("tables:\n")],
    )
    rest = "reductions: []\nlayers: []\nround_down_to: 1\nzero_rules: []\npromotion_windows: []\nadvice: []\n"
    return (
        f"{before}inputs:\n{inputs}{measures}tables:\n{tables}\nsteps:\n{steps}\n"
        f'base:\n  - {{code: the_base, amount: "{base}", {WORDS}}}\n{rest}{TEXT[TEXT.index("assessment:") :]}'
    )


def inputs(count: int, name: str = "i") -> str:
    return "".join(
        f"  - {{name: {name}{nth}, unit: count, min: 0, max: 1000000, {WORDS}}}\n" for nth in range(count)
    )


def steps(amounts: list[str]) -> str:
    codes = ["score", *(f"s{nth}" for nth in range(1, len(amounts)))]
    return "".join(
        f'  - {{code: {code}, amount: "{amount}", {WORDS}}}\n'
        for code, amount in zip(codes, amounts, strict=True)
    )


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
)
NEAR = "qwertyuiopasdfgh"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    # The text
    "alias bomb": (BOMB, "anchor"),
    "alias": ("a: *b\n", "alias"),
    "anchor name": ("a: &" + "b" * 200_000 + " 1\n", "anchor"),
    "merge key": (TEXT + "<<: {b: 1}\n", "plain text"),
    "merge value": (with_zh("<<"), "merge key"),
    "deep list": ("a: " + "[" * 50_000 + "]" * 50_000, "nest"),
    "deep mapping": ("a: " + "{b: " * 50_000 + "}" * 50_000, "nested"),
    "deep block": ("- " * 100_000, "nested"),
    "deep key": ("? " * 100_000, "key must be plain text"),
    "python object": ("a: !!python/object/apply:os.system ['true']\n", "tag"),
    "python name": ("a: !!python/name:os.system\n", "tag"),
    "tagged text": (with_zh("!!str 1"), "tag"),
    "binary": (with_zh("!!binary aGk="), "tag"),
    "set": ("a: !!set {b, c}\n", "tag"),
    "tag directive": ("%TAG ! tag:evil,2000:\n---\na: !b 1\n", "tag"),
    "many directives": ("%YAML 1.1\n" * 20_000, "not YAML"),
    "long list": ("a: [" + "1," * 100_000 + "]", "over 20000 values"),
    "long list of rules": (TEXT + "refer_rules:\n" + "- {}\n" * 15_000, "has over 20 entries"),
    "long block list": ("a:\n" + "- b\n" * 60_000, "over 20000 values"),
    "many keys": (TEXT + "".join(f"k{n}: 1\n" for n in range(15_000)), "unknown field"),
    "too big": ("# " + "x" * SOURCE_BYTES_MAX, "kB"),
    "ten megabytes": ("a: " + "x" * 10_000_000, "kB"),
    "ten megabytes of rules": (TEXT + "- {code: a}\n" * 900_000, "kB"),
    "ten megabytes of characters": ("额" * 3_500_000, "kB"),
    "two documents": (TEXT + "---\nb: 2\n", "one document"),
    "list": ("- 1\n- 2\n", "mapping"),
    "nothing": ("", "mapping"),
    "comment only": ("#\n" * 120_000, "mapping"),
    "not yaml": ("a: [1, 2\nb: }", "not YAML"),
    "tab": ("a:\n\t- 1\n", "not YAML"),
    "endless quote": ('a: "' + "\n" * 200_000, "not YAML"),
    "list as key": ("[1, 2]: 3\n", "key"),
    "number as key": ("1: 3\n" + TEXT, "plain text"),
    "key twice": (TEXT + "name: other\n", "twice"),
    # Encodings and characters
    "no utf-8": ("name: 额度".encode("gbk"), "UTF-8"),
    "utf-16": (TEXT.encode("utf-16"), "UTF-8"),
    "overlong": (b"name: \xc0\xaf\n", "UTF-8"),
    "half a pair": ("name: \ud800\n", "UTF-8"),
    "half a pair as text": (with_zh('"\\ud800"'), "not YAML"),
    "nul byte": (b"name: a\x00b\n", "not YAML"),
    "nul as text": (with_zh('"a\\0b"'), "<U+0000>"),
    "bell": ("a: \x07\n", "not YAML"),
    "terminal escape": (with_zh('"\\e[2J"'), "<U+001B>"),
    "right to left": (with_zh("额\u202e度"), "<U+202E>"),
    "zero width": (with_zh("额\u200b度"), "<U+200B>"),
    "mark in the middle": (with_zh("额\ufeff度"), ""),
    "escape in a key": (TEXT + '"a\\eb": 1\n', "<U+001B>"),
    # Numbers
    "million digits": ("version: " + "9" * 1_000_000, "kB"),
    "many digits": (TEXT.replace("version: 1", "version: " + "9" * 200_000), "plain decimal"),
    "many digits below zero": (TEXT.replace("version: 1", "version: -" + "9" * 200_000), "plain decimal"),
    "grouped": (TEXT.replace("hold_days: 15", "hold_days: 1_000"), "plain decimal"),
    "hexadecimal": (TEXT.replace("hold_days: 15", "hold_days: 0x10"), "plain decimal"),
    "octal": (TEXT.replace("hold_days: 15", "hold_days: 017"), "plain decimal"),
    "binary digits": (TEXT.replace("hold_days: 15", "hold_days: 0b11"), "plain decimal"),
    "plus": (TEXT.replace("hold_days: 15", "hold_days: +15"), "plain decimal"),
    "exponent": (TEXT.replace("hold_days: 15", "hold_days: 1e3"), "must be an integer"),
    "float": (TEXT.replace("hold_days: 15", "hold_days: 15.0"), "float"),
    "infinity": (TEXT.replace("hold_days: 15", "hold_days: -.inf"), "float"),
    "no number": (TEXT.replace("hold_days: 15", "hold_days: .nan"), "float"),
    "date": (TEXT.replace("hold_days: 15", "hold_days: 2026-01-31"), "date"),
    "sixties": (TEXT.replace("hold_days: 15", "hold_days: 1:30"), "plain decimal"),
    "many sixties": (TEXT.replace("hold_days: 15", "hold_days: 1" + ":59" * 60_000), "plain decimal"),
    "many groups": (TEXT.replace("hold_days: 15", "hold_days: " + "1_" * 100_000), "plain decimal"),
    "digits of another script": (TEXT.replace("hold_days: 15", "hold_days: ١٥"), "must be an integer"),
    # Names
    "dunder": (TEXT.replace("name: level,", "name: __class__,"), "does not have the form"),
    "look-alike": (TEXT.replace("name: level,", "name: lеvel,"), "does not have the form"),
    "full width": (TEXT.replace("name: level,", "name: ｌevel,"), "does not have the form"),
    "dotless": (TEXT.replace("name: high_risk,", "name: high_rısk,"), "does not have the form"),
    "name with a line": (TEXT.replace("name: level,", 'name: "level\\n",'), "does not have the form"),
    "name that ends SQL": (TEXT.replace("name: level,", "name: 'level\"; DROP TABLE lines; --',"), "does not have the form"),
    "code that ends SQL": (TEXT.replace("code: return_wave", "code: \"'); DELETE FROM lines; --\""), "does not have the form"),
    "table that ends SQL": (TEXT.replace("- name: dsr_points", "- name: 'x) FROM pg_shadow --'"), "does not have the form"),
    "kind that ends SQL": (TEXT.replace("kind: emergency", "kind: 'emergency; --'"), "does not have the form"),
    "word of SQL": (TEXT.replace("- name: dsr_points", "- name: select"), "word of the language"),
    "long name": (TEXT.replace("name: level,", "name: " + "a" * 100_000 + ","), "does not have the form"),
    "path as zone": (TEXT.replace("Asia/Shanghai", "../../../etc/passwd"), "time zone"),
    "nul as zone": (TEXT.replace("Asia/Shanghai", '"Asia\\0"'), "time zone"),
    "long zone": (TEXT.replace("Asia/Shanghai", "a/" * 100_000), "over 64 characters"),
    # Expressions
    "python": (with_score("__import__('os').system('true')"), "is not allowed"),
    "attribute": (with_score("level.__class__"), "is not allowed"),
    "semicolon": (with_score("1; DROP TABLE lines"), "is not allowed"),
    "comment": (with_score("level -- 1"), "is not allowed"),
    "subquery": (with_score("(SELECT 1)"), "is not allowed"),
    "sleep": (with_score("pg_sleep(100)"), "there is no table `pg_sleep`"),
    "file": (with_score("read_csv(1)"), ""),
    "look-alike in a rule": (with_when("high_risк = 1"), "is not allowed"),
    "deep parentheses": (with_score("(" * 100 + "level" + ")" * 100), "nested over"),
    "deep calls": (with_score("LEAST(1," * 40 + "level" + ")" * 40), "nested over"),
    "deep choices": (with_score("CASE WHEN level = 1 THEN " * 27 + "1" + " ELSE 0 END" * 27), "nested over"),
    "many nots": (with_when("NOT " * 240 + "high_risk = 1"), "signs in a row"),
    "many minuses": (with_score("- " * 240 + "level"), "signs in a row"),
    "long sum": (with_score("+".join(["level"] * 120)), "operations deep"),
    "long chain": (with_when(" = ".join(["level"] * 120)), ""),
    "long word": (with_score("a" * 1990), "there is no input or step"),
    "long number": (with_score("9" * 1990), "over 64 bits"),
    "digits and underscores": (with_score("1" * 1900 + "_"), "is not allowed"),
    "spaces": (with_score("level" + " " * 1900 + "level"), "misplaced"),
    "powers": (with_score("emergency * emergency"), "overflow"),
    "powers by steps": (
        document(inputs(1), "  []\n", steps(["i0 * i0", "score * score", *(f"s{n} * s{n}" for n in range(1, 40))])),
        "overflow",
    ),
    "thousands of rules": (
        document(inputs(1), "  []\n", "".join(f"  - {{code: s{n}, amount: i0, {WORDS}}}\n" for n in range(3000))),
        "has over 200 entries",
    ),
    "a table in every place": (
        document(
            inputs(1),
            "  - {name: tt, default: 0, bands: ["
            + ", ".join(f"{{at_least: {900 - n}, value: {n}}}" for n in range(100))
            + "]}\n",
            steps(["LEAST(" + ", ".join(["tt(i0)"] * 45) + ")" for _ in range(200)]),
        ),
        f"over {PARTS_MAX}",
    ),
    "near misses": (
        document(
            inputs(200, NEAR),
            "  []\n",
            steps(["+".join(f"{NEAR}z{n}{k}" for k in range(40)) for n in range(200)]),
            f"{NEAR}0",
        ),
        "did you mean",
    ),
    "near keys": (
        document("".join("  - {" + ", ".join(f"nam{k}: 1" for k in range(60)) + "}\n" for _ in range(200)), "  []\n", "  []\n"),
        "did you mean",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return load_bounded({name: text for name, (text, _) in REFUSED.items()})


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_text_is_refused_with_a_message_within_its_time_and_memory(
    outcomes: dict[str, Outcome], name: str
) -> None:
    outcome, words = outcomes[name], REFUSED[name][1]
    assert (outcome.signal, outcome.error, outcome.loaded) == (0, "", False), outcome
    assert any(words in fault for fault in outcome.faults), outcome.faults
    assert outcome.count <= FAULTS_MAX + 1
    assert outcome.longest <= FAULT_LENGTH_MAX
    assert all(fault.isprintable() for fault in outcome.faults)


def test_the_limits_do_bite() -> None:
    # Were nothing bounded, this is what it would look like.
    (outcome,) = load_bounded({"shipped": TEXT}).values()
    assert (outcome.loaded, outcome.signal, outcome.error) == (True, 0, "")
    assert outcome.cpu_seconds < 5


def longest(nth: int) -> str:
    """An expression of as many words as may be."""
    return "LEAST(" + ", ".join(f"i{(word + nth) % 200}" for word in range((TOKENS_MAX - 3) // 2)) + ")"


def branching(nth: int) -> str:
    """A choice with as many branches as may be, each reading two inputs."""
    whens = " ".join(f"WHEN i{word} = {word + nth} THEN {word}" for word in range((TOKENS_MAX - 4) // 6))
    return f"CASE {whens} ELSE 0 END"


def nested(nth: int) -> str:
    """Choices inside choices, as deep as may be."""
    cases = " ".join(f"CASE WHEN i{word} = {nth} THEN {word} ELSE" for word in range(DEPTH_MAX - 1))
    return f"GREATEST({nth}, {cases} i{nth} {'END ' * (DEPTH_MAX - 1)})"


BANDS = ", ".join(f"{{at_least: {900 - nth}, value: {nth * 9}}}" for nth in range(100))
TABLES = f"  - {{name: tt, default: 0, bands: [{BANDS}]}}\n"
LARGEST = {
    "names": document(inputs(200), "  []\n", steps([longest(n) for n in range(160)])),
    "branches": document(inputs(200), "  []\n", steps([branching(n) for n in range(100)])),
    "depth": document(inputs(200), "  []\n", steps([nested(n) for n in range(160)])),
    "parentheses": document(
        inputs(200), "  []\n", steps(["(" * DEPTH_MAX + f"i{n}" + ")" * DEPTH_MAX for n in range(200)])
    ),
    "tables": document(
        inputs(200), TABLES, steps([f"{'tt(' * 20}i{n}{')' * 20}" for n in range(9)]), "GREATEST(tt(s1), 0)"
    ),
    "wide tables": document(
        inputs(200), TABLES, steps(["LEAST(" + ", ".join(f"tt(i{k + n})" for k in range(47)) + ")" for n in range(4)])
    ),
    "whole text": document(inputs(200), "  []\n", steps([f"i{n}" + " " * 1900 + "+ 1" for n in range(110)])),
}  # fmt: skip


@pytest.fixture(scope="module")
def largest() -> dict[str, Outcome]:
    return load_bounded(LARGEST)


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_policies_load_compile_and_decide_within_the_same_bounds(
    largest: dict[str, Outcome], name: str
) -> None:
    outcome = largest[name]
    assert (outcome.loaded, outcome.signal, outcome.error) == (True, 0, ""), outcome
    assert outcome.total is not None


HARMLESS = [
    "'); DROP TABLE lines; --",
    "__import__('os')",
    "{{ 7 * 7 }}",
    "%s %(x)s {0}",
    "$1",
    "<script>",
    "\\",
]


@pytest.mark.parametrize("words", HARMLESS)
def test_wording_is_only_wording(words: str) -> None:
    text = with_zh("'" + words.replace("'", "''") + "'").replace(
        "zh: 三项评分均达4.8,基础额度上浮20%", "zh: '" + words.replace("'", "''") + "'"
    )
    policy = load_policy(text)
    assert policy.terms.zh == words
    assert policy.terms.layers[0].zh == words
    assert compile_policy(policy).source == compile_policy(shipped_policy()).source
    assert select_statement(policy, "duckdb", "stores") == select_statement(
        shipped_policy(), "duckdb", "stores"
    )
    assert evaluate(policy, CASES[0]["inputs"]).total == CASES[0]["expect"]["total"]


PYTHON_WORDS = [
    *keyword.kwlist,
    *keyword.softkwlist,
    *dir(builtins),
    "given",
    "refuse",
    "mask",
    "decide",
    "trace",
    "b0",
    "l0",
    "t1",
]
NAMES = sorted({name.lower() for name in PYTHON_WORDS if name.isidentifier() and not name.startswith("_")} | RESERVED)  # fmt: skip


def test_a_name_is_refused_or_means_nothing_but_itself() -> None:
    usable = 0
    for name in NAMES:
        text = document(
            f"  - {{name: {name}, unit: count, min: 0, max: 9, {WORDS}}}\n",
            "  []\n",
            steps([f"{name} + 1"]),
            name,
        )
        try:
            policy = load_policy(text)
        except PolicyInvalid:
            continue
        usable += 1
        said = evaluate(policy, {name: 7})
        assert (said.score, said.total) == (8, 7)
    assert usable > 50


ALLOWED = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Try, ast.ExceptHandler, ast.If, ast.Expr, ast.Return,
    ast.Assign, ast.AugAssign, ast.NamedExpr, ast.Call, ast.Subscript, ast.Name, ast.Constant, ast.Tuple, ast.BinOp,
    ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip


def written() -> Iterator[Policy]:
    yield shipped_policy()
    yield from (random_policy(seed) for seed in range(15))


def test_the_written_function_is_arithmetic_and_nothing_else() -> None:
    for policy in written():
        for node in ast.walk(ast.parse(compile_policy(policy).source)):
            assert isinstance(node, ALLOWED), ast.dump(node)
            if isinstance(node, ast.Call):
                assert isinstance(node.func, ast.Name)
                assert node.func.id in {"type", "len", "min", "max", "refuse"}
            if isinstance(node, ast.Subscript):
                assert ast.unparse(node.value) == "given"
            if isinstance(node, ast.Constant):
                assert node.value is None or isinstance(node.value, int | str)


def test_any_noise_is_refused_as_an_expression_or_read_as_one() -> None:
    rng = random.Random(3)
    pieces = [
        "(",
        ")",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "NOT",
        "AND",
        "level",
        "7",
        "-",
        "+",
        "*",
        "//",
        "=",
        "<",
        ",",
        "LEAST",
        "IF",
        "'",
        ";",
        "\x00",
        "额",
    ]
    for _ in range(400):
        text = " ".join(rng.choices(pieces, k=rng.randint(1, 40)))
        try:
            load_policy(TEXT.replace("amount: credit + sales + service", f"amount: {text!r}", 1))
        except PolicyInvalid as refused:
            assert all(len(str(fault)) <= FAULT_LENGTH_MAX for fault in refused.faults)
        else:
            parse_integer(text)
