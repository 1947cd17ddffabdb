"""Decisions that wait for a person: what the policy's refer rules hold back (C3).

A store has at most one open referral; a newer decision that is referred takes its place. Accepting runs the policy anew and
applies what it says then, so that nothing old is ever put in force.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events import actions as events
from houfu.events.message import Message
from houfu.events.notice import limit_referred
from houfu.lines.line import Line
from houfu.policy.actions import Assessed

_SQL = load(__package__)

Verdict = Literal["accepted", "declined"]


class ReferralUnknown(LookupError):
    """The store has no open referral."""


class Referral(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that waits, or waited, for a person; amounts in minor units."""

    store_id: str
    assessment_id: str
    status: Literal["open", "accepted", "declined", "superseded"]
    rules: list[str]
    from_total: int
    to_total: int
    referred_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


async def refer(
    connection: Connection,
    referred: Sequence[Assessed],
    *,
    before: Mapping[str, Line],
    author: str,
    ids: IdMaker,
    now: datetime,
) -> None:
    """Open a referral for each decision, and tell the stores."""
    if not referred:
        return
    totals = {a.store_id: before[a.store_id].total if a.store_id in before else 0 for a in referred}
    await connection.execute(_SQL["supersede_referrals"], [a.store_id for a in referred], now, author)
    await connection.execute(
        _SQL["insert_referrals"],
        [a.store_id for a in referred],
        [a.assessment_id for a in referred],
        [msgspec.json.encode(a.decision.referred_by).decode() for a in referred],
        [totals[a.store_id] for a in referred],
        [a.decision.total for a in referred],
        now,
    )
    messages = [_message(a, ids.make(now), totals[a.store_id], now) for a in referred]
    await events.send(connection, messages, now=now)


async def close(
    connection: Connection, store_id: str, verdict: Verdict, *, note: str, author: str, now: datetime
) -> Referral:
    """Let a person's verdict end the store's open referral. ReferralUnknown where none is open."""
    row = await connection.fetchrow(_SQL["close_referral"], store_id, verdict, note, author, now)
    if row is None:
        raise ReferralUnknown(store_id)
    return _referral(dict(row))


async def referrals(
    connection: Connection, *, status: str | None, before: tuple[datetime, str] | None, limit: int
) -> list[Referral]:
    """The referrals, newest first; `before` is the moment and the store where the page before ended."""
    moment, store_id = before or (None, None)
    rows = await connection.fetch(_SQL["referrals"], status, moment, store_id, limit)
    return [_referral(dict(row)) for row in rows]


def _referral(row: dict[str, object]) -> Referral:
    return msgspec.convert(
        row
        | {
            "assessment_id": getattr(row["assessment_id"], "hex", ""),
            "rules": msgspec.json.decode(str(row["rules"])),
        },
        Referral,
    )


def _message(assessed: Assessed, id: str, total: int, now: datetime) -> Message:
    decision = assessed.decision
    reasons = [reason for reason in decision.reasons if reason.effect == "refer"]
    return limit_referred(
        assessed.store_id,
        id=id,
        total=total,
        referred_by=decision.referred_by,
        because_zh=[reason.message_zh for reason in reasons],
        because_en=[reason.message_en for reason in reasons],
        occurred_at=now,
        currency=decision.currency,
    )
