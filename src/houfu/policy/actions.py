"""Deciding about stores by a policy.

A decision is stored with its inputs and the policy's content hash, so that it can be replayed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision, evaluate
from houfu.policy.fault import PolicyError
from houfu.policy.inputs import Fact, MonthMetrics, StoreFacts, last_occurrence, measure_inputs
from houfu.policy.layers import DatedLayer, date_layers, next_assessment_at
from houfu.stores.store import StoreUnknown

_SQL = load(__package__)
_COURSE = frozenset({"course_completed"})
_MONTHS_LOOKED_AT = timedelta(days=31 * 14)
"""Reaches back over the twelve full months before any moment."""


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a store, its layers with dates, and when the next one is due (B9)."""

    store_id: str
    assessment_id: str
    decision: Decision
    layers: tuple[DatedLayer, ...]
    assess_at: datetime
    rounding: int


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
