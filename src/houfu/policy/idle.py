"""What stands in a policy and has no effect, and how much its expressions come to.

Nothing idle is wrong: inputs may be measured before a rule asks for them, and a table may be kept for the next
version. It is told so that a rule that was meant to be there is missed.
"""

from collections.abc import Iterable, Mapping, Sequence

from houfu.policy.bounds import Interval
from houfu.policy.expression import (
    Arithmetic,
    Choice,
    Comparison,
    Extreme,
    Joined,
    Literal,
    Lookup,
    Name,
    Negation,
    Not,
    Tree,
    names_in,
)
from houfu.policy.shape import Misfit
from houfu.policy.source import Path
from houfu.policy.terms import PolicyTerms, TableTerm

_REPORTED = "score"
"""The step that every decision shows."""


def idle(terms: PolicyTerms, trees: Iterable[Tree], asked: Mapping[str, Interval]) -> list[Misfit]:
    """Inputs, steps, tables, bands and advice without any effect. `asked` has what each table is looked up with."""
    read = {name.name for tree in trees for name in names_in(tree)}
    read |= {partner.headroom for partner in terms.partners}
    found: list[Misfit] = []
    for at, term in enumerate(terms.inputs):
        if term.name not in read:
            found.append(
                (("inputs", at, "name"), f"no rule reads the input `{term.name}`", "remove it, or use it")
            )
    for at, table in enumerate(terms.tables):
        path: Path = ("tables", at)
        if table.name not in asked:
            found.append(
                ((*path, "name"), f"no rule looks up the table `{table.name}`", "remove it, or use it")
            )
        else:
            found.extend(_bands(table, asked[table.name], path))
    for at, step in enumerate(terms.steps):
        if step.code not in read and step.code != _REPORTED:
            found.append(
                (("steps", at, "code"), f"no rule reads the step `{step.code}`", "remove it, or use it")
            )
    for at, advice in enumerate(terms.advice):
        if not read.intersection(change.input for change in advice.changes):
            message = "it can never add anything: no rule reads the inputs it changes"
            found.append((("advice", at, "action"), message, "remove it"))
    return found


def parts_of(trees: Iterable[Tree], tables: Sequence[TableTerm]) -> int:
    """How many parts the trees have, a lookup counted with every band of its table."""
    bands = {table.name: len(table.bands) for table in tables}
    return sum(_parts(tree, bands) for tree in trees)


def _parts(tree: Tree, bands: Mapping[str, int]) -> int:
    match tree:
        case Literal() | Name():
            return 1
        case Negation(operand) | Not(operand):
            return 1 + _parts(operand, bands)
        case Lookup(table, operand):
            return 1 + bands.get(table, 0) + _parts(operand, bands)
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Joined(_, left, right):
            return 1 + _parts(left, bands) + _parts(right, bands)
        case Extreme(_, operands):
            return 1 + sum(_parts(operand, bands) for operand in operands)
        case Choice(branches, otherwise):
            inner = sum(_parts(when, bands) + _parts(value, bands) for when, value in branches)
            return 1 + inner + _parts(otherwise, bands)


def _bands(table: TableTerm, asked: Interval, path: Path) -> list[Misfit]:
    """The bands that no number the table is looked up with falls into. Their order was checked before."""
    found: list[Misfit] = []
    low, high = asked.low, asked.high
    for at, band in enumerate(table.bands):
        below = band.at_least is not None and band.at_least > high
        above = band.at_most is not None and band.at_most < low
        if low > high or below or above:
            message = f"the table is only looked up with {asked.low}..{asked.high}: this band never fits"
            found.append(((*path, "bands", at), message, "remove it, or check the inputs' ranges"))
        elif band.at_least is not None:
            high = min(high, band.at_least - 1)
        elif band.at_most is not None:
            low = max(low, band.at_most + 1)
    return found
