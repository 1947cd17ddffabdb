"""Deciding about stores by the policy in force: know the stores, decide by what is known, record.

A decision is stored with its inputs and the policy's content hash, so that it can be replayed.
"""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.funding.facility import Facilities
from houfu.policy.book import PolicyBook
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision, evaluate
from houfu.policy.fault import PolicyError
from houfu.policy.inputs import Fact, MonthMetrics, StoreFacts, last_occurrence, measure_inputs
from houfu.policy.layers import DatedLayer, date_layers
from houfu.policy.shadows import ShadowDecision, record_shadows, shadow_decision
from houfu.stores.store import StoreUnknown

_SQL = load(__package__)
_COURSE = frozenset({"course_completed"})
_MONTHS_LOOKED_AT = timedelta(days=31 * 14)
"""Reaches back over the twelve full months before any moment."""
_AT_A_STRETCH = 20
"""Stores decided about before others have a turn: a few milliseconds."""
_encode = msgspec.json.Encoder().encode


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a store at a moment: all that its inputs are measured from, but for its line."""

    store: StoreFacts
    months: tuple[MonthMetrics, ...]
    facts: tuple[Fact, ...]


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a store and its layers with dates, and what shadows decided beside it."""

    store_id: str
    assessment_id: str
    decision: Decision
    layers: tuple[DatedLayer, ...]
    rounding: int
    shadows: tuple[ShadowDecision, ...]


Assessment = Assessed | PolicyError | StoreUnknown


async def know(connection: Connection, store_ids: Sequence[str], *, now: datetime) -> dict[str, Known]:
    """What is known of the stores, the unknown ones left out. Of a month the newest revision counts."""
    months: dict[str, list[MonthMetrics]] = {}
    since = (now - _MONTHS_LOOKED_AT).date()
    for store_id, *values in await connection.fetch(_SQL["months_of"], store_ids, since):
        named = dict(zip(MonthMetrics.__struct_fields__, values, strict=True))
        months.setdefault(store_id, []).append(MonthMetrics(**named))
    facts: dict[str, list[Fact]] = {}
    for store_id, kind, occurred_at in await connection.fetch(_SQL["facts_of"], store_ids):
        facts.setdefault(store_id, []).append(Fact(kind=kind, occurred_at=occurred_at))
    return {
        row[0]: Known(
            store=StoreFacts(level=row[1], opened_on=row[2], phone_kind=row[3]),
            months=tuple(months.get(row[0], ())),
            facts=tuple(facts.get(row[0], ())),
        )
        for row in await connection.fetch(_SQL["store_facts_of"], store_ids)
    }


def measured(
    policy: Policy,
    known: Known,
    *,
    day_withdrawn_share_bp: int,
    headroom: Mapping[str, int] | None = None,
    now: datetime,
) -> dict[str, int]:
    """The inputs of `policy` for a store. Raises as `measure_inputs` does."""
    return measure_inputs(
        policy,
        known.store,
        months=known.months,
        facts=known.facts,
        grants=(),
        day_withdrawn_share_bp=day_withdrawn_share_bp,
        headroom=headroom,
        now=now,
    )


async def decide(
    store_ids: Sequence[str],
    known: Mapping[str, Known],
    *,
    book: PolicyBook,
    facilities: Facilities,
    day_withdrawn_share_bp: Mapping[str, int],
    applies: Callable[[str, Decision], bool],
    ids: IdMaker,
    now: datetime,
) -> dict[str, Assessment]:
    """Decide about the stores one after another; what a partner lends to one is no longer there for the next, where the
    decision `applies`. A store that cannot be decided about gets the error instead. In between, whoever else shares the
    processor has its turn: an order does not wait for a thousand stores to be decided about.
    """
    answers: dict[str, Assessment] = {}
    shadows = book.shadows_at(now)
    for number, store_id in enumerate(store_ids, start=1):
        if number % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        of = known.get(store_id)
        if of is None:
            answers[store_id] = StoreUnknown(store_id)
            continue
        policy = book.for_store(store_id, now)
        measure = functools.partial(
            measured,
            known=of,
            day_withdrawn_share_bp=day_withdrawn_share_bp.get(store_id, 0),
            headroom=facilities.headroom(store_id),
            now=now,
        )
        try:
            decision = evaluate(policy, measure(policy))
        except PolicyError as error:
            answers[store_id] = error
            continue
        if applies(store_id, decision):
            facilities.allocate(store_id, decision.partner, decision.total)
        assessment_id = ids.make(now)
        completed_at = last_occurrence(of.facts, _COURSE, now)
        answers[store_id] = Assessed(
            store_id=store_id,
            assessment_id=assessment_id,
            decision=decision,
            layers=date_layers(
                policy, decision, assessed_at=now, course_completed_at=completed_at, grants=()
            ),
            rounding=policy.terms.round_down_to,
            shadows=tuple(
                shadow_decision(shadow, measure, store_id=store_id, assessment_id=assessment_id)
                for shadow in shadows
            ),
        )
    return answers


async def record(
    connection: Connection, made: Sequence[Assessed], *, cause: str, author: str, now: datetime
) -> None:
    """Write decisions, whether they are applied or not: append-only."""
    if not made:
        return
    await connection.execute(
        _SQL["insert_assessments"],
        [a.store_id for a in made],
        [a.assessment_id for a in made],
        [a.decision.policy_version for a in made],
        [a.decision.policy_sha256 for a in made],
        [_encode(a.decision.inputs).decode() for a in made],
        [_encode(a.decision).decode() for a in made],
        cause,
        author,
        now,
    )
    await record_shadows(connection, [shadow for a in made for shadow in a.shadows], now=now)


async def decision_of(connection: Connection, store_id: str, assessment_id: str) -> tuple[Decision, datetime]:
    """A stored decision and when it was made. LookupError where there is none."""
    row = await connection.fetchrow(_SQL["assessment"], store_id, assessment_id)
    if row is None:
        raise LookupError(f"store {store_id} has no assessment {assessment_id}")
    return msgspec.convert(row["decision"], Decision), row["occurred_at"]
