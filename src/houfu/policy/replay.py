"""Replaying decisions: each is made again from its stored inputs by the policy of its stored hash, and compared bit for bit."""

from collections.abc import AsyncIterator, Callable
from typing import Final, Literal, cast

import asyncpg
import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.policy.document import Policy, load_policy
from houfu.policy.evaluate import evaluate
from houfu.policy.fault import PolicyError, PolicyInvalid

PAGE: Final = 1_000
"""Decisions read at once: what is kept in memory, however many there are."""
_SQL = load(__package__)
_canonical = msgspec.json.Encoder(order="sorted").encode
_NOWHERE: Final = "00000000-0000-0000-0000-000000000000"

Source = Literal["assessment", "shadow"]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it was stored; `decision` and `inputs` are JSON values."""

    source: Source
    policy_version: int
    policy_sha256: str
    store_id: str
    assessment_id: str
    inputs: object
    decision: object


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A stored decision that does not come out again. `fields` are those that differ, or empty where `problem` says why
    nothing could be compared."""

    source: Source
    policy_version: int
    store_id: str
    assessment_id: str
    problem: str
    fields: tuple[str, ...] = ()


class Replayed(msgspec.Struct, kw_only=True):
    """How many decisions were made again; `first_difference` is the first, in the order of stores, that came out otherwise."""

    decisions: int = 0
    shadow_decisions: int = 0
    differing: int = 0
    policies: int = 0
    first_difference: Difference | None = None


class NothingStored(LookupError):
    """There is no decision that was asked for."""


def compare(stored: Stored, policy: Policy | None) -> Difference | None:
    """Make a stored decision again and compare the canonical JSON of both; None where they are the same.

    `policy` is the one of the stored hash, None where there is none.
    """

    def difference(problem: str, fields: tuple[str, ...] = ()) -> Difference:
        return Difference(
            source=stored.source,
            policy_version=stored.policy_version,
            store_id=stored.store_id,
            assessment_id=stored.assessment_id,
            problem=problem,
            fields=fields,
        )

    if policy is None:
        return difference(f"no stored policy has the hash {stored.policy_sha256}")
    try:
        inputs = msgspec.convert(stored.inputs, dict[str, int])
        again = evaluate(policy, inputs)
    except (PolicyError, msgspec.ValidationError) as wrong:
        return difference(f"it cannot be made again: {wrong}")
    if _canonical(again) == _canonical(stored.decision):
        return None
    made = msgspec.to_builtins(again)
    was = cast("dict[str, object]", stored.decision) if isinstance(stored.decision, dict) else {}
    fields = tuple(
        name
        for name in sorted(made.keys() | was.keys())
        if name not in made or name not in was or _canonical(made[name]) != _canonical(was[name])
    )
    return difference("it comes out otherwise", fields)


async def replay(
    connection: Connection,
    *,
    store_id: str | None = None,
    assessment_id: str | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> Replayed:
    """Replay every stored decision, those of shadows too, or those of a store, or one. NothingStored where one was asked
    for that is not there. `advance` is told how many are done, of about how many.

    Decisions made meanwhile may or may not be among them. Memory does not grow with their number.
    """
    policies: dict[str, Policy | None] = {}
    done = Replayed()
    of = 0 if store_id is not None else await connection.fetchval(_SQL["decisions_about"])
    async for page in _pages(connection, store_id, assessment_id):
        for stored in page:
            sha = stored.policy_sha256
            if sha not in policies:
                policies[sha] = await _policy(connection, sha)
            if stored.source == "assessment":
                done.decisions += 1
            else:
                done.shadow_decisions += 1
            if (differs := compare(stored, policies[sha])) is not None:
                done.differing += 1
                done.first_difference = done.first_difference or differs
        count = done.decisions + done.shadow_decisions
        if advance is not None:
            advance(count, max(of, count))
    if assessment_id is not None and not done.decisions + done.shadow_decisions:
        raise NothingStored(f"store {store_id} has no assessment {assessment_id}")
    done.policies = sum(policy is not None for policy in policies.values())
    return done


async def _pages(
    connection: Connection, store_id: str | None, assessment_id: str | None
) -> AsyncIterator[list[Stored]]:
    async for page in _walk(connection, "assessment", store_id, assessment_id, ("", _NOWHERE)):
        yield page
    async for page in _walk(connection, "shadow", store_id, assessment_id, (0, "", _NOWHERE)):
        yield page


async def _walk(
    connection: Connection,
    source: Source,
    store_id: str | None,
    assessment_id: str | None,
    before_all: tuple[object, ...],
) -> AsyncIterator[list[Stored]]:
    """The pages of a table by its primary key; `before_all` is a place before the first row."""
    statement, place = _SQL[f"{source}s_from"], before_all
    while True:
        rows = await connection.fetch(statement, store_id, assessment_id, PAGE, *place)
        if rows:
            yield [_stored(source, row) for row in rows]
            last = rows[-1]
            place = (last["policy_version"], last["store_id"], last["assessment_id"])[-len(before_all) :]
        if len(rows) < PAGE:
            return


def _stored(source: Source, row: asyncpg.Record) -> Stored:
    return Stored(
        source=source,
        policy_version=row["policy_version"],
        policy_sha256=row["policy_sha"],
        store_id=row["store_id"],
        assessment_id=row["assessment_id"].hex,
        inputs=row["inputs"],
        decision=row["decision"],
    )


async def _policy(connection: Connection, sha: str) -> Policy | None:
    """The stored policy of a hash; None where there is none, or where its document no longer has that hash."""
    document = await connection.fetchval(_SQL["document_of"], sha)
    try:
        policy = None if document is None else load_policy(document)
    except PolicyInvalid:
        return None
    return policy if policy is not None and policy.sha256 == sha else None
