"""A batch: a Parquet table of stores decided by one policy, and what every engine promises about it.

In: the policy's inputs, integers, and `store_id`, text or an integer; no other column. Out: `store_id` and
`sql.ANSWERS`, in that order. Wrong inputs end a batch with the faults of one store: InputMissing, InputInvalid.
What is told of the policy is in the metadata of what is written.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from houfu.policy.document import Policy
from houfu.policy.fault import InputInvalid, InputMissing, InvalidInput, MissingInput
from houfu.policy.sql import number

STORE = "store_id"

Advance = Callable[[int, int, str], None]
"""Told how much of the batch is done, of how much, and of what."""


class Batch(Struct, frozen=True, kw_only=True):
    """What a batch did."""

    stores: int
    out: str
    engine: str
    policy_name: str
    policy_version: int
    policy_sha256: str


class EngineFailed(Exception):
    """The engine is not installed, cannot be reached, or broke off; nothing was written."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy


class FileUnusable(Exception):
    """A file cannot be read as a table of stores, or cannot be written; nothing was."""


def metadata(policy: Policy) -> dict[str, str]:
    """What a written table says of its origin. The nth code of `houfu.reasons` is bit n of its mask."""
    return {
        "houfu.policy_sha256": policy.sha256,
        "houfu.policy_name": policy.terms.name,
        "houfu.policy_version": str(policy.version),
        "houfu.reasons": ",".join(policy.rules.codes),
    }


def absent_inputs(
    policy: Policy, types: Sequence[tuple[str, str]], *, integers: frozenset[str], texts: frozenset[str]
) -> frozenset[str]:
    """The inputs that no column gives and for which the policy states a stand-in.

    `types` are the columns with their types in the engine's words. Raises InputMissing for what is absent without
    a stand-in, InputInvalid for columns that are unknown, twice there or of another type.
    """
    kinds = dict(types)
    inputs = {term.name: term for term in policy.terms.inputs}
    missing = [name for name, term in inputs.items() if name not in kinds and term.when_missing is None]
    if STORE not in kinds:
        missing.append(STORE)
    if missing:
        raise InputMissing(tuple(MissingInput(name) for name in missing))
    invalid: list[InvalidInput] = []
    for name, kind in types:
        if name != STORE and name not in inputs:
            invalid.append(InvalidInput(name, "is no input of this policy: leave the column out"))
        elif name == STORE and kind not in integers | texts:
            invalid.append(InvalidInput(name, f"must be a column of text or integers, not {kind}"))
        elif name != STORE and kind not in integers:
            invalid.append(InvalidInput(name, f"must be a column of integers, not {kind}"))
    if len(kinds) < len(types):
        invalid.append(InvalidInput("columns", "stand in the file twice under one name"))
    if invalid:
        raise InputInvalid(tuple(invalid))
    return frozenset(inputs.keys() - kinds.keys())


def unusable(policy: Policy, settled: frozenset[str], *, quote: str) -> str:
    """The condition, in SQL, of a row that cannot be decided; inputs in `settled` are not looked at."""
    wrong = [f"{STORE} IS NULL"]
    for term in policy.terms.inputs:
        if term.name not in settled:
            column = f"{quote}{term.name}{quote}"
            wrong.append(f"{column} NOT BETWEEN {number(term.min)} AND {number(term.max)}")
            if term.when_missing is None:
                wrong.append(f"{column} IS NULL")
    return " OR ".join(wrong)


def unusable_row(policy: Policy, row: Mapping[str, object]) -> InputInvalid:
    """What is wrong with the inputs of one store, by name."""
    store = row[STORE]
    where = f"for store {store}" if store is not None else "in a row"
    found = [] if store is not None else [InvalidInput(STORE, "is missing (NULL) in a row")]
    for term in policy.terms.inputs:
        value = row.get(term.name)
        if value is None and term.when_missing is None:
            found.append(InvalidInput(term.name, f"is missing (NULL) {where}"))
        elif isinstance(value, int) and not term.min <= value <= term.max:
            wanted = f"must be between {term.min} and {term.max}"
            found.append(InvalidInput(term.name, f"{wanted}, and is {value} {where}"))
    return InputInvalid(tuple(found))
