"""Publishing policies, and deciding about stores by the one in force.

A decision is stored with its inputs and the policy's content hash, so that it can be replayed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.policy.document import Policy, load_policy
from houfu.policy.evaluate import Decision, evaluate
from houfu.policy.fault import PolicyError
from houfu.policy.inputs import Fact, MonthMetrics, StoreFacts, last_occurrence, measure_inputs
from houfu.policy.layers import DatedLayer, date_layers, next_assessment_at
from houfu.stores.store import StoreUnknown

_SQL = load(__package__)
_COURSE = frozenset({"course_completed"})
_MONTHS_LOOKED_AT = timedelta(days=31 * 14)
"""Reaches back over the twelve full months before any moment."""


class NoPolicy(LookupError):
    """No policy is in force at the moment."""


class Published(msgspec.Struct, frozen=True):
    """A policy version and since when it is in force."""

    policy: Policy
    effective_from: datetime


class PolicyBook:
    """The published policies, read once and again when one is published. Asking it costs no database."""

    def __init__(self, published: Sequence[Published]) -> None:
        self._published = sorted(published, key=lambda entry: entry.effective_from)

    def at(self, moment: datetime) -> Policy:
        """The policy in force at `moment`. NoPolicy when that lies before the first."""
        found: Policy | None = None
        for entry in self._published:
            if entry.effective_from > moment:
                break
            found = entry.policy
        if found is None:
            raise NoPolicy(f"no policy is in force at {moment.isoformat()}")
        return found

    @property
    def versions(self) -> frozenset[int]:
        """The numbers of every version in it."""
        return frozenset(entry.policy.terms.version for entry in self._published)

    def version(self, version: int) -> Policy | None:
        """The policy of that version, in force or not."""
        return next(
            (entry.policy for entry in self._published if entry.policy.terms.version == version), None
        )


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a store, its layers with dates, and when the next one is due (B9)."""

    store_id: str
    assessment_id: str
    decision: Decision
    layers: tuple[DatedLayer, ...]
    assess_at: datetime
    rounding: int


async def open_policy_book(connection: Connection) -> PolicyBook:
    """The published policies as they are now."""
    rows = await connection.fetch(_SQL["published"])
    return PolicyBook([Published(load_policy(row["document"]), row["effective_from"]) for row in rows])


async def refreshed(connection: Connection, book: PolicyBook) -> PolicyBook:
    """The book with what was published since it was opened; the very same book where nothing was."""
    rows = await connection.fetch(_SQL["versions"])
    published = frozenset(row["version"] for row in rows)
    return book if book.versions == published else await open_policy_book(connection)


async def publish(
    connection: Connection, document: str, *, effective_from: datetime, author: str, now: datetime
) -> Policy:
    """Add a policy version. Publishing the same content again does nothing; other content under a version that is
    taken is a ValueError. PolicyInvalid with every fault of a document that is none."""
    policy = load_policy(document)
    terms = policy.terms
    for row in await connection.fetch(_SQL["published"]):
        if row["version"] == terms.version:
            if row["sha"] != policy.sha256:
                raise ValueError(
                    f"version {terms.version} is published with other content: give yours a new number"
                )
            return policy
    try:
        await connection.execute(
            _SQL["publish"], terms.version, terms.name, policy.sha256, document, effective_from, now, author
        )
    except asyncpg.UniqueViolationError:
        return await publish(connection, document, effective_from=effective_from, author=author, now=now)
    return policy


async def decide(
    connection: Connection,
    store_ids: Sequence[str],
    *,
    policy: Policy,
    day_withdrawn_share_bp: Mapping[str, int],
    cause: str,
    author: str,
    ids: IdMaker,
    now: datetime,
) -> dict[str, Assessed | PolicyError | StoreUnknown]:
    """Assess the stores and store the decisions. A store that cannot be decided about gets the error instead."""
    stores = {
        row[0]: StoreFacts(level=row[1], opened_on=row[2], phone_kind=row[3])
        for row in await connection.fetch(_SQL["store_facts_of"], store_ids)
    }
    months: dict[str, list[MonthMetrics]] = {}
    since = (now - _MONTHS_LOOKED_AT).date()
    for store_id, *values in await connection.fetch(_SQL["months_of"], store_ids, since):
        named = dict(zip(MonthMetrics.__struct_fields__, values, strict=True))
        months.setdefault(store_id, []).append(MonthMetrics(**named))
    facts: dict[str, list[Fact]] = {}
    for store_id, kind, occurred_at in await connection.fetch(_SQL["facts_of"], store_ids):
        facts.setdefault(store_id, []).append(Fact(kind=kind, occurred_at=occurred_at))
    answers: dict[str, Assessed | PolicyError | StoreUnknown] = {}
    assess_at = next_assessment_at(policy, now)
    for store_id in store_ids:
        store = stores.get(store_id)
        if store is None:
            answers[store_id] = StoreUnknown(store_id)
            continue
        known = facts.get(store_id, [])
        try:
            inputs = measure_inputs(
                policy,
                store,
                months=months.get(store_id, []),
                facts=known,
                grants=(),
                day_withdrawn_share_bp=day_withdrawn_share_bp.get(store_id, 0),
                now=now,
            )
            decision = evaluate(policy, inputs)
        except PolicyError as error:
            answers[store_id] = error
            continue
        layers = date_layers(
            policy,
            decision,
            assessed_at=now,
            course_completed_at=last_occurrence(known, _COURSE, now),
            grants=(),
        )
        answers[store_id] = Assessed(
            store_id=store_id,
            assessment_id=ids.make(now),
            decision=decision,
            layers=layers,
            assess_at=assess_at,
            rounding=policy.terms.round_down_to,
        )
    made = [answer for answer in answers.values() if isinstance(answer, Assessed)]
    await connection.execute(
        _SQL["insert_assessments"],
        [a.store_id for a in made],
        [a.assessment_id for a in made],
        [a.decision.policy_version for a in made],
        [a.decision.policy_sha256 for a in made],
        [msgspec.json.encode(a.decision.inputs).decode() for a in made],
        [msgspec.json.encode(a.decision).decode() for a in made],
        cause,
        author,
        now,
    )
    return answers


async def decision_of(connection: Connection, store_id: str, assessment_id: str) -> tuple[Decision, datetime]:
    """A stored decision and when it was made. LookupError where there is none."""
    row = await connection.fetchrow(_SQL["assessment"], store_id, assessment_id)
    if row is None:
        raise LookupError(f"store {store_id} has no assessment {assessment_id}")
    return msgspec.convert(row["decision"], Decision), row["occurred_at"]
