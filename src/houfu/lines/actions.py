"""Making, remaking and seeing lines. Orders go through `lanes.py`; this is everything else about a line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from houfu.core.ids import IdMaker
from houfu.core.money import in_words
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger import actions as ledger
from houfu.lines.batch import Batch
from houfu.lines.line import Layer, Line, Status, next_change, next_fall, retotaled, total_at
from houfu.lines.rows import LineChange, line_of, load_layers, record_line_changes
from houfu.policy import actions as policies
from houfu.policy.actions import Assessed
from houfu.policy.advice import Advice, advise
from houfu.policy.book import PolicyBook
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision
from houfu.policy.explain import WaterfallStep, explain
from houfu.policy.fault import PolicyError
from houfu.policy.periods import local_day
from houfu.policy.terms import Orders
from houfu.stores.facts import Fact
from houfu.stores.store import StoreUnknown

_SQL = load(__package__)

Verb = Literal["open", "suspend", "resume", "close"]
_STATUS_AFTER: dict[tuple[Status, Verb], Status] = {
    ("open", "suspend"): "suspended",
    ("open", "close"): "closed",
    ("suspended", "resume"): "open",
    ("suspended", "close"): "closed",
    ("closed", "open"): "open",
}
"""Every change of status there is; any other verb in a state is refused."""


class LineUnknown(LookupError):
    """The store has no line: it was never assessed."""


class StatusUnfit(ValueError):
    """The line's status does not allow the verb."""


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """What a store sees of its limit (C1), amounts in minor units. `falls_by`: by how much the total falls at
    `valid_until`, the nearest moment at which it does; both None when no fall is in sight."""

    store_id: str
    status: Status
    currency: str
    total: int
    used: int
    available: int
    over_used: int
    valid_until: datetime | None
    falls_by: int | None
    layers: list[Layer]
    headline: str
    as_of: datetime


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a line: what, when, why and by whom (B14)."""

    id: str
    occurred_at: datetime
    from_total: int
    to_total: int
    from_status: str
    to_status: str
    cause: str
    author: str


class LineExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The decision behind a line as a waterfall that adds up, and what would raise it (C2, E3)."""

    decision: Decision
    assessed_at: datetime
    waterfall: tuple[WaterfallStep, ...]
    advice: tuple[Advice, ...]


Assessment = Assessed | PolicyError | StoreUnknown


async def assess(
    connection: Connection,
    store_ids: Sequence[str],
    *,
    policy: Policy,
    cause: str,
    author: str,
    ids: IdMaker,
    now: datetime,
) -> dict[str, Assessment]:
    """Run the policy for the stores and let the decisions make their lines: one transaction, all or nothing.

    A first decision opens the line. A store that cannot be decided about keeps its line and gets the error.
    """
    async with connection.transaction():
        before = await _lock(connection, store_ids)
        answers = await policies.decide(
            connection,
            store_ids,
            policy=policy,
            day_withdrawn_share_bp={line.store_id: line.day_withdrawn_share_bp for line in before.values()},
            cause=cause,
            author=author,
            ids=ids,
            now=now,
        )
        made = [answer for answer in answers.values() if isinstance(answer, Assessed)]
        currency = policy.terms.currency
        await ledger.open_books(connection, [a.store_id for a in made if a.store_id not in before], currency)
        await _put_lines(connection, made, currency=currency, now=now)
        changes: list[LineChange] = []
        for a in made:
            was = before.get(a.store_id) or _unopened(a, currency)
            after = _line_after(was, a, status="open" if a.store_id not in before else was.status, now=now)
            if (after.total, after.status) != (was.total, was.status):
                changes.append(LineChange(ids.make(now), was, after, cause, author, now))
        await record_line_changes(connection, changes, now=now)
        if failed := [store_id for store_id in before if not isinstance(answers[store_id], Assessed)]:
            assess_at = policies.next_assessment_at(policy, now)
            await connection.execute(_SQL["put_off_assessment"], failed, assess_at)
    return answers


async def take_up_fact(
    connection: Connection, fact: Fact, *, policy: Policy, ids: IdMaker, now: datetime
) -> None:
    """Let what happened to a store act on its line at once (B9 to B12); a store without a line waits for its first
    assessment. Where the policy cannot decide, the line stays as it is."""
    if await connection.fetchval(_SQL["has_line"], fact.store_id):
        await assess(
            connection, [fact.store_id], policy=policy, cause=fact.kind, author=fact.author, ids=ids, now=now
        )


async def _lock(connection: Connection, store_ids: Sequence[str]) -> dict[str, Line]:
    """Lock the stores' lines; where there is none yet its store, so that a line is opened once."""
    rows = await connection.fetch(_SQL["lock_lines"], store_ids)
    if lineless := list(set(store_ids).difference(row[0] for row in rows)):
        await connection.execute(_SQL["lock_stores"], lineless)
        rows += await connection.fetch(_SQL["lock_lines"], lineless)
    return {line.store_id: line for line in map(line_of, rows)}


async def _put_lines(
    connection: Connection, made: Sequence[Assessed], *, currency: str, now: datetime
) -> None:
    if not made:
        return
    layers = {a.store_id: _layers(a) for a in made}
    await connection.execute(
        _SQL["put_lines"],
        [a.store_id for a in made],
        [_total(a, now) for a in made],
        [next_change(layers[a.store_id], now) for a in made],
        [a.assessment_id for a in made],
        [a.decision.cap for a in made],
        [a.decision.zeroed for a in made],
        [a.rounding for a in made],
        currency,
        made[0].assess_at,
        now,
    )
    rows = [(a, layer) for a in made for layer in layers[a.store_id]]
    await connection.execute(
        _SQL["insert_layers"],
        [a.store_id for a, _ in rows],
        [a.assessment_id for a, _ in rows],
        [layer.kind for _, layer in rows],
        [layer.amount for _, layer in rows],
        [layer.valid_from for _, layer in rows],
        [layer.valid_until for _, layer in rows],
        [layer.reason for _, layer in rows],
    )


def _layers(assessed: Assessed) -> list[Layer]:
    return [
        Layer(layer.kind, layer.amount, layer.valid_from, layer.valid_until, layer.reason)
        for layer in assessed.layers
    ]


def _total(assessed: Assessed, now: datetime) -> int:
    decision = assessed.decision
    return total_at(
        _layers(assessed), now, cap=decision.cap, zeroed=decision.zeroed, rounding=assessed.rounding
    )


def _unopened(assessed: Assessed, currency: str) -> Line:
    """What a store has before its first assessment: nothing."""
    return Line(
        store_id=assessed.store_id,
        status="closed",
        currency=currency,
        total=0,
        total_until=None,
        used=0,
        assessment_id=assessed.assessment_id,
        cap=None,
        zeroed=False,
        rounding=assessed.rounding,
    )


def _line_after(was: Line, assessed: Assessed, *, status: Status, now: datetime) -> Line:
    decision = assessed.decision
    decided = msgspec.structs.replace(
        was,
        status=status,
        assessment_id=assessed.assessment_id,
        cap=decision.cap,
        zeroed=decision.zeroed,
        rounding=assessed.rounding,
    )
    return retotaled(decided, _layers(assessed), now)


async def set_status(
    connection: Connection, store_id: str, verb: Verb, *, cause: str, author: str, ids: IdMaker, now: datetime
) -> Line:
    """Open, suspend, resume or close a line. LineUnknown or StatusUnfit where that cannot be."""
    async with connection.transaction():
        row = await connection.fetchrow(_SQL["lock_lines"], [store_id])
        if row is None:
            raise LineUnknown(store_id)
        before = line_of(row)
        status = _STATUS_AFTER.get((before.status, verb))
        if status is None:
            raise StatusUnfit(f"a line that is {before.status} cannot be told to {verb}")
        after = msgspec.structs.replace(before, status=status)
        await connection.execute(_SQL["set_status"], store_id, status, now)
        change = LineChange(ids.make(now), before, after, cause, author, now)
        await record_line_changes(connection, [change], now=now)
    return after


async def retotal(
    connection: Connection, store_ids: Sequence[str], *, terms: Orders, ids: IdMaker, now: datetime
) -> None:
    """Take up the totals of lines whose layers started or ended by `now` (B6, C1)."""
    async with connection.transaction():
        batch = Batch(terms=terms, ids=ids, now=now)
        await batch.lock(connection, store_ids)
        await batch.record(connection)


async def view(connection: Connection, store_id: str, *, now: datetime) -> LineView:
    """The line as of `now`. LineUnknown where the store has none."""
    line, layers = await _read(connection, store_id, now)
    fall = next_fall(line, layers, now)
    return LineView(
        store_id=store_id,
        status=line.status,
        currency=line.currency,
        total=line.total,
        used=line.used,
        available=line.available,
        over_used=line.over_used,
        valid_until=fall[0] if fall else None,
        falls_by=fall[1] if fall else None,
        layers=layers,
        headline=f"可使用额度:{in_words(line.available, line.currency)}",
        as_of=now,
    )


async def changes(
    connection: Connection, store_id: str, *, before: str | None, limit: int
) -> list[ChangeView]:
    """The line's history, newest first; `before` is the id where the page before ended."""
    rows = await connection.fetch(_SQL["changes"], store_id, before, limit)
    return [
        ChangeView(
            id=row["change_id"].hex,
            occurred_at=row["occurred_at"],
            from_total=row["from_total"],
            to_total=row["to_total"],
            from_status=row["from_status"],
            to_status=row["to_status"],
            cause=row["cause"],
            author=row["author"],
        )
        for row in rows
    ]


async def explanation(
    connection: Connection, store_id: str, *, book: PolicyBook, now: datetime
) -> LineExplanation:
    """How the line came about, by the policy that decided then, and what would raise it now."""
    line, _ = await _read(connection, store_id, now)
    decision, assessed_at = await policies.decision_of(connection, store_id, line.assessment_id)
    policy = book.version(decision.policy_version) or book.at(now)
    opened_on = await connection.fetchval(_SQL["store_opening"], store_id)
    violated_at = await connection.fetchval(_SQL["last_violation"], store_id)
    return LineExplanation(
        decision=decision,
        assessed_at=assessed_at,
        waterfall=explain(policy, decision.inputs).waterfall,
        advice=advise(
            policy,
            decision.inputs,
            today=local_day(now, policy.zone),
            opened_on=opened_on,
            last_violation_on=None if violated_at is None else local_day(violated_at, policy.zone),
        ),
    )


async def _read(connection: Connection, store_id: str, now: datetime) -> tuple[Line, list[Layer]]:
    row = await connection.fetchrow(_SQL["read_line"], store_id)
    if row is None:
        raise LineUnknown(store_id)
    layers = (await load_layers(connection, [store_id])).get(store_id, [])
    return retotaled(line_of(row), layers, now), layers
