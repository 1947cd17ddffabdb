"""Making, remaking and seeing lines. Orders go through `lanes.py`; this is everything else about a line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker
from houfu.core.money import in_words
from houfu.core.reason import Language
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.lines.batch import Batch
from houfu.lines.line import Layer, Line, Status, next_fall, retotaled
from houfu.lines.rows import LineChange, line_of, load_layers, record_line_changes
from houfu.policy import actions as policies
from houfu.policy.advice import Advice, advise
from houfu.policy.book import PolicyBook
from houfu.policy.document import Policy
from houfu.policy.evaluate import Decision, policy_reasons
from houfu.policy.explain import MissingFacts, WaterfallStep, explain, missing_in_words
from houfu.policy.fault import InputMissing, PolicyError
from houfu.policy.periods import local_day
from houfu.policy.terms import Orders

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


class VersionUsage(msgspec.Struct, frozen=True, kw_only=True):
    """The lines whose limit a policy version decided: their totals and what of them is used, minor units."""

    policy_version: int
    lines: int
    total: int
    used: int


class LineUnknown(LookupError):
    """The store has no line: it was never assessed."""


class StatusUnfit(ValueError):
    """The line's status does not allow the verb."""


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """What a store sees of its limit (C1), amounts in minor units. `falls_by`: by how much the total falls at
    `valid_until`, the nearest moment at which it does, `falls_because` why; all None when no fall is in sight. `notice`:
    what a limit below its use means. `partner`: who funds the store, where that is not the programme itself, and its price in parts per million a day (B1)."""

    store_id: str
    status: Status
    currency: str
    total: int
    used: int
    available: int
    over_used: int
    valid_until: datetime | None
    falls_by: int | None
    falls_because: str | None
    partner: str | None
    partner_price_ppm_per_day: int | None
    layers: list[Layer]
    headline: str
    notice: str | None
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
    """The decision behind a line as a waterfall that adds up, and what would raise it (C2, E3). `missing`: what keeps the
    store from being assessed again as things stand; None where nothing does."""

    decision: Decision
    assessed_at: datetime
    waterfall: tuple[WaterfallStep, ...]
    advice: tuple[Advice, ...]
    missing: MissingFacts | None


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


async def usage_by_version(connection: Connection) -> list[VersionUsage]:
    """The lines that are not closed, by the policy version whose decision is in force on them."""
    return [VersionUsage(**dict(row)) for row in await connection.fetch(_SQL["usage_by_version"])]


async def view(
    connection: Connection, store_id: str, *, policy: Policy, language: Language = "zh", now: datetime
) -> LineView:
    """The line as of `now`, in the words of `policy`. LineUnknown where the store has none."""
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
        valid_until=fall.at if fall else None,
        falls_by=fall.by if fall else None,
        falls_because=_because(policy, fall.kinds, language) if fall else None,
        partner=line.partner,
        partner_price_ppm_per_day=_price(policy, line.partner),
        layers=layers,
        headline=f"可使用额度:{in_words(line.available, line.currency)}",
        notice=_notice(line, language),
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
    connection: Connection, store_id: str, *, book: PolicyBook, calendar: Calendar, now: datetime
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
            calendar=calendar,
        ),
        missing=await _missing(connection, line, policy=book.for_store(store_id, now), now=now),
    )


async def _missing(
    connection: Connection, line: Line, *, policy: Policy, now: datetime
) -> MissingFacts | None:
    known = await policies.know(connection, [line.store_id], now=now)
    try:
        policies.measured(
            policy, known[line.store_id], day_withdrawn_share_bp=line.day_withdrawn_share_bp, now=now
        )
    except InputMissing as missing:
        return missing_in_words(policy, missing)
    except PolicyError:
        return None
    return None


def _price(policy: Policy, partner: str | None) -> int | None:
    return next((term.price_ppm_per_day for term in policy.terms.partners if term.code == partner), None)


def _because(policy: Policy, kinds: Sequence[str], language: Language) -> str:
    words = {reason.code: reason for reason in policy_reasons(policy)}
    if language == "en":
        ending = [words[kind].message_en if kind in words else kind for kind in kinds]
        return f"this ends or shrinks: {'; '.join(ending)}"
    ending = [words[kind].message_zh if kind in words else kind for kind in kinds]
    return f"到期或减少:{';'.join(ending)}"


def _notice(line: Line, language: Language) -> str | None:
    """What it means that more is used than the limit: nothing is clawed back, and nothing is available (A5)."""
    if line.over_used == 0:
        return None
    over = in_words(line.over_used, line.currency)
    if language == "en":
        return f"{over} more is used than the limit: nothing is clawed back, and new orders fit again as buyers pay."
    return f"已用额度超出当前额度{over}:已放款项不追回,买家还款后即可恢复使用。"


async def _read(connection: Connection, store_id: str, now: datetime) -> tuple[Line, list[Layer]]:
    row = await connection.fetchrow(_SQL["read_line"], store_id)
    if row is None:
        raise LineUnknown(store_id)
    layers = (await load_layers(connection, [store_id])).get(store_id, [])
    return retotaled(line_of(row), layers, now), layers
