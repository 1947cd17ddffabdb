"""The floor: DuckDB reads what a policy reads and writes what an answer is, and decides nothing."""

from collections.abc import Sequence

from houfu.policy.document import Policy


def floor_statement(policy: Policy, relation: str) -> str:
    """A SELECT over all inputs of `policy` whose rows have the columns of an answer, and about their size.

    The last bit of their sum needs every input to be read, which no statistics of the file can spare, and costs
    next to nothing to write.
    """
    names = [term.name for term in policy.terms.inputs]
    total, base, score, reasons = _stand_ins(names)
    summed = " + ".join(f'"{name}"' for name in names)
    return (
        f"SELECT store_id, {total} // 10000 * 10000 AS total, {base} AS base, {score} AS score, "  # noqa: S608 - names of a checked policy
        f"({summed}) & 1 = 1 AS zeroed, {reasons} AS reasons FROM {relation}"
    )


def _stand_ins(names: Sequence[str]) -> tuple[str, str, str, str]:
    """Inputs whose values look like those of an answer."""
    wanted = ("gmv_3m", "gmv_12m", "level", "good_review_bp")
    if missing := set(wanted) - set(names):
        raise ValueError(f"the policy has no input {', '.join(sorted(missing))}")
    return wanted
