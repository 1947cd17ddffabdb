"""The policy's expression language: a small integer-only part of SQL, as an allow-listed tree.

An integer is a decimal literal, a name, `-a`, `a + b`, `a - b`, `a * b`, `a // b` (floor),
`CASE WHEN c THEN a ... ELSE b END`, `IF(c, a, b)`, `LEAST(a, b, ...)`, `GREATEST(a, b, ...)` or
`some_table(a)`. A condition is a comparison (`= <> != < <= > >=`) of two integers, or conditions
joined by `AND`, `OR`, `NOT`. A divisor is a positive literal or a name that is never below 1.

Text is tokenized first and every token checked against a list, then parsed as SQL by sqlglot, then
rebuilt node by node into the tree below; whatever is not listed is refused by name and position.
"""

import re
from dataclasses import dataclass
from typing import Literal as Word

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from houfu.policy.source import clip

DIALECT = "duckdb"
TEXT_MAX = 2000
TOKENS_MAX = 250
DEPTH_MAX = 20
SIGNS_MAX = 2
LITERAL_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Literal:
    value: int
    at: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Negation:
    operand: "Integer"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: Word["+", "-", "*", "//"]
    left: "Integer"
    right: "Integer"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of the first branch whose condition holds, else `otherwise`."""

    branches: tuple[tuple["Condition", "Integer"], ...]
    otherwise: "Integer"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Extreme:
    function: Word["least", "greatest"]
    operands: tuple["Integer", ...]
    at: int = 0


@dataclass(frozen=True, slots=True)
class Lookup:
    table: str
    operand: "Integer"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: Word["=", "<>", "<", "<=", ">", ">="]
    left: "Integer"
    right: "Integer"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    connective: Word["and", "or"]
    left: "Condition"
    right: "Condition"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Condition"
    at: int = 0


Integer = Literal | Name | Negation | Arithmetic | Choice | Extreme | Lookup
Condition = Comparison | Joined | Not
Tree = Integer | Condition


class ExpressionFault(Exception):
    """The text is not in the language. `offset` counts characters into it."""

    def __init__(self, offset: int, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.suggestion = suggestion


_FOREIGN = re.compile(r"[^A-Za-z0-9_\s+\-*/<>=!(),]|--|/\*|//+(?=/)|(?<![A-Za-z0-9_])[0-9]+_")
_LISTED = {
    TokenType.NUMBER, TokenType.VAR, TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.DIV,
    TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT, TokenType.GTE,
    TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.CASE, TokenType.WHEN, TokenType.THEN,
    TokenType.ELSE, TokenType.END, TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA,
}  # fmt: skip
_OPENING = {TokenType.L_PAREN, TokenType.CASE}
_CLOSING = {TokenType.R_PAREN, TokenType.END}
_SIGNS = {TokenType.PLUS, TokenType.DASH, TokenType.NOT}
_FUNCTIONS = {"if", "least", "greatest"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ARITHMETIC: dict[type[exp.Expr], Word["+", "-", "*", "//"]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.IntDiv: "//",
}
_COMPARISON: dict[type[exp.Expr], Word["=", "<>", "<", "<=", ">", ">="]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}


def parse_integer(text: str) -> Integer:
    """The tree of an integer expression. Raises ExpressionFault."""
    return _integer(_parsed(text), 0)


def parse_condition(text: str) -> Condition:
    """The tree of a condition. Raises ExpressionFault."""
    return _condition(_parsed(text), 0)


def is_plain_name(name: str) -> bool:
    """Whether SQL reads `name` as a column, not as a word or function of its own."""
    if _NAME.fullmatch(name) is None or name in _FUNCTIONS:
        return False
    tokens = sqlglot.tokenize(name, dialect=DIALECT)
    return (
        len(tokens) == 1 and tokens[0].token_type is TokenType.VAR and _column_name(name) and _callable(name)
    )


def names_in(tree: Tree) -> tuple[Name, ...]:
    """Every name the tree reads, in reading order, repeats included."""
    match tree:
        case Name():
            return (tree,)
        case Literal():
            return ()
        case Negation(operand) | Not(operand) | Lookup(_, operand):
            return names_in(operand)
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Joined(_, left, right):
            return names_in(left) + names_in(right)
        case Extreme(_, operands):
            return tuple(name for operand in operands for name in names_in(operand))
        case Choice(branches, otherwise):
            found = tuple(name for when, value in branches for name in names_in(when) + names_in(value))
            return found + names_in(otherwise)


def _column_name(name: str) -> bool:
    try:
        return isinstance(sqlglot.parse_one(name, dialect=DIALECT), exp.Column)
    except ParseError:
        return False


def _callable(name: str) -> bool:
    try:
        return isinstance(sqlglot.parse_one(f"{name}(a)", dialect=DIALECT), exp.Anonymous)
    except ParseError:
        return False


def _parsed(text: str) -> exp.Expr:
    if len(text) > TEXT_MAX:
        raise ExpressionFault(TEXT_MAX, f"over {TEXT_MAX} characters", "split it into steps")
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        raise ExpressionFault(foreign.start(), f"`{clip(foreign.group())}` is not allowed in an expression")
    try:
        tokens = sqlglot.tokenize(text, dialect=DIALECT)
    except TokenError as error:
        raise ExpressionFault(0, f"not an expression: {clip(str(error).splitlines()[0])}") from None
    _check_tokens(tokens)
    try:
        # As a condition, never as a statement: `set`, `while` and the like begin none here.
        return sqlglot.parse_one(text, dialect=DIALECT, into=exp.Condition)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        line, column = int(first.get("line") or 1), int(first.get("col") or 1)
        word = str(first.get("highlight") or "")
        offset = sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + max(column - len(word), 0)
        near = f" near `{clip(word)}`" if word else ""
        raise ExpressionFault(
            min(offset, len(text)), f"the expression is incomplete or misplaced{near}"
        ) from None
    except RecursionError:
        raise ExpressionFault(0, "nested too deep to be read", "split it into steps") from None


def _check_tokens(tokens: list[Token]) -> None:
    if not tokens:
        raise ExpressionFault(0, "the expression is empty")
    if len(tokens) > TOKENS_MAX:
        raise ExpressionFault(tokens[TOKENS_MAX].start, f"over {TOKENS_MAX} words", "split it into steps")
    depth = 0
    signs = 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > DEPTH_MAX:
            raise ExpressionFault(token.start, f"nested over {DEPTH_MAX} levels", "split it into steps")
        if token.text.lower() == "if" and (
            following is None or following.token_type is not TokenType.L_PAREN
        ):
            raise ExpressionFault(
                token.start, "IF takes a condition and two numbers", "write IF(a = 1, b, c)"
            )
        if token.token_type is TokenType.SLASH:
            raise ExpressionFault(token.start, "`/` is not allowed", "write `//`, which floors")
        if token.token_type not in _LISTED or (token.token_type is TokenType.DIV and token.text != "//"):
            raise ExpressionFault(token.start, f"`{clip(token.text)}` is not allowed in an expression")
        signs = signs + 1 if token.token_type in _SIGNS else 0
        if signs > SIGNS_MAX:
            raise ExpressionFault(token.start, f"over {SIGNS_MAX} signs in a row", "write one, or none")
        if token.token_type is TokenType.NUMBER:
            if not token.text.isdecimal():
                raise ExpressionFault(token.start, f"`{clip(token.text)}` is not an integer")
            if len(token.text) > 19 or int(token.text) > LITERAL_MAX:
                raise ExpressionFault(token.start, "the integer is over 64 bits")
            if following is not None and following.token_type in {TokenType.VAR, TokenType.NUMBER}:
                raise ExpressionFault(
                    following.start, f"`{clip(following.text)}` is misplaced after a number"
                )


def _start(node: exp.Expr) -> int:
    """Where the node begins, as far as the parser kept it: its own mark or its first child's."""
    marks = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(marks, default=0)


def _refuse(node: exp.Expr, wanted: str) -> ExpressionFault:
    if wanted == "integer" and type(node) in {*_COMPARISON, exp.And, exp.Or, exp.Not}:
        return ExpressionFault(_start(node), "a condition stands where an integer belongs", "use CASE WHEN")
    if wanted == "condition" and (type(node) in _ARITHMETIC or isinstance(node, exp.Column | exp.Literal)):
        text = clip(node.name) or "the number"
        return ExpressionFault(
            _start(node), "an integer stands where a condition belongs", f"compare it: `{text} = 1`"
        )
    name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__.upper()
    return ExpressionFault(_start(node), f"`{clip(name)}` is not allowed in an expression")


def _deeper(node: exp.Expr, depth: int) -> int:
    if depth >= DEPTH_MAX * 2:
        raise ExpressionFault(_start(node), f"over {DEPTH_MAX * 2} operations deep", "split it into steps")
    return depth + 1


def _part(node: exp.Expr, key: str, what: str) -> exp.Expr:
    part: object = node.args.get(key)
    if not isinstance(part, exp.Expr):
        raise ExpressionFault(_start(node), what)
    return part


def _integer(node: exp.Expr, depth: int) -> Integer:
    depth = _deeper(node, depth)
    at = _start(node)
    operator = _ARITHMETIC.get(type(node))
    if operator is not None:
        left = _integer(_part(node, "this", "a number is missing"), depth)
        right = _integer(_part(node, "expression", "a number is missing"), depth)
        return Arithmetic(operator, left, right, at)
    if isinstance(node, exp.Paren):
        return _integer(_part(node, "this", "empty parentheses"), depth)
    if isinstance(node, exp.Literal) and not node.is_string:
        return Literal(int(node.name), at)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) and len(node.parts) == 1:
        return Name(node.name, at)
    if isinstance(node, exp.Neg):
        return Negation(_integer(_part(node, "this", "a number is missing"), depth), at)
    if isinstance(node, exp.Least | exp.Greatest):
        operands = tuple(_integer(part, depth) for part in (node.this, *node.expressions))
        if len(operands) < 2:
            raise ExpressionFault(at, "LEAST and GREATEST take two numbers or more")
        return Extreme("least" if isinstance(node, exp.Least) else "greatest", operands, at)
    if isinstance(node, exp.Case | exp.If):
        return _choice(node, depth)
    if isinstance(node, exp.Anonymous) and len(node.expressions) == 1 and isinstance(node.this, str):
        return Lookup(node.this, _integer(node.expressions[0], depth), at)
    raise _refuse(node, "integer")


def _choice(node: exp.Case | exp.If, depth: int) -> Choice:
    at = _start(node)
    if isinstance(node, exp.If):
        otherwise = _part(node, "false", "IF takes a condition and two numbers")
        branches = [node]
    else:
        if node.this is not None:
            raise ExpressionFault(at, "CASE with a subject is not allowed", "write CASE WHEN a = 1 THEN ...")
        otherwise = _part(node, "default", "CASE has no ELSE")
        branches = [part for part in node.args["ifs"] if isinstance(part, exp.If)]
    made = tuple(
        (
            _condition(_part(branch, "this", "a condition is missing"), depth),
            _integer(_part(branch, "true", "a number is missing"), depth),
        )
        for branch in branches
    )
    return Choice(made, _integer(otherwise, depth), at)


def _condition(node: exp.Expr, depth: int) -> Condition:
    depth = _deeper(node, depth)
    at = _start(node)
    operator = _COMPARISON.get(type(node))
    if operator is not None:
        left = _integer(_part(node, "this", "a number is missing"), depth)
        right = _integer(_part(node, "expression", "a number is missing"), depth)
        return Comparison(operator, left, right, at)
    if isinstance(node, exp.And | exp.Or):
        left_condition = _condition(_part(node, "this", "a condition is missing"), depth)
        right_condition = _condition(_part(node, "expression", "a condition is missing"), depth)
        return Joined("and" if isinstance(node, exp.And) else "or", left_condition, right_condition, at)
    if isinstance(node, exp.Not):
        return Not(_condition(_part(node, "this", "a condition is missing"), depth), at)
    if isinstance(node, exp.Paren):
        return _condition(_part(node, "this", "empty parentheses"), depth)
    raise _refuse(node, "condition")
