"""New dates for open withdrawals, once a new version of the calendar is there (D1).

Every withdrawal names the version its dates rest on, so what is left to do is seen from the withdrawals themselves: a
worker that was killed, a second one, or a service that still asked by the old version while the new one came, all end in
the same dates, each moved once.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Final

import msgspec
from asyncpg import Pool, Record

from houfu.calendars.actions import effective_calendar
from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker, public_id
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.events import actions as events
from houfu.events.message import Message
from houfu.events.notice import arrival_changed
from houfu.policy.document import Policy
from houfu.policy.periods import window_on
from houfu.withdrawals.ask import PREFIX
from houfu.withdrawals.occasion import arrival_of
from houfu.withdrawals.terms import WithdrawalTerms, withdrawal_terms
from houfu.withdrawals.withdrawal import first_inquiry_at

_SQL = load(__package__, "redating.sql")
CHUNK: Final = 1_000
"""Withdrawals looked at in one transaction."""

PolicyAt = Callable[[datetime], Policy]
"""The policy in force at a moment."""


class WithdrawalUnknown(LookupError):
    """The store has no such withdrawal."""


class News(msgspec.Struct, frozen=True):
    """The newest version of a calendar, who imported it, and whether open withdrawals still rest on an older one."""

    name: str
    number: int
    imported_by: str
    outdated: bool


class Redating(msgspec.Struct, frozen=True, kw_only=True):
    """Dates of a withdrawal that a version of the calendar moved; `author` imported it."""

    calendar: str
    calendar_number: int
    from_arrives_on: date
    to_arrives_on: date
    from_latest_on: date
    to_latest_on: date
    author: str
    recorded_at: datetime


class _Dates(msgspec.Struct, frozen=True, gc=False):
    arrives_on: date
    latest_on: date
    due_at: datetime


Recompute = Callable[[Connection, News, datetime], Awaitable[int]]
"""One chunk of whatever else rests on working days, in a transaction of its own: given the newest version and the present,
how many were looked at; zero where none is left. What rests on a calendar keeps its name and number, as a withdrawal does:
so none is missed, and none is moved twice."""


class Redater:
    """The due work that a new version of a calendar makes."""

    def __init__(
        self,
        pool: "Pool[Record]",
        *,
        policy_at: PolicyAt,
        ids: IdMaker,
        others: Sequence[Recompute] = (),
        chunk: int = CHUNK,
    ) -> None:
        self._pool = pool
        self._policy_at = policy_at
        self._ids = ids
        self._others = others
        self._chunk = chunk

    async def run_due(self, now: datetime) -> int:
        """Recompute a chunk of withdrawals of each calendar; how many. Zero: nothing is left to do."""
        done = 0
        async with self._pool.acquire() as connection:
            for news in await newest_versions(connection):
                if news.outdated:
                    done += await recompute(
                        connection,
                        news,
                        policy_at=self._policy_at,
                        ids=self._ids,
                        now=now,
                        limit=self._chunk,
                    )
                for other in self._others:
                    done += await other(connection, news, now)
        return done


async def newest_versions(connection: Connection) -> list[News]:
    """The newest version of each calendar of which something was imported."""
    return [News(*row) for row in await connection.fetch(_SQL["newest_versions"])]


async def recompute(
    connection: Connection,
    news: News,
    *,
    policy_at: PolicyAt,
    ids: IdMaker,
    now: datetime,
    limit: int = CHUNK,
) -> int:
    """Recompute the dates of up to `limit` open withdrawals that rest on an older version; how many were looked at.

    One transaction: the dates, the trail of those that moved and the messages to their stores are written together.
    What the bank was told stays with the bank: only what the store is told moves.
    """
    async with connection.transaction():
        rows = await connection.fetch(_SQL["lock_outdated"], news.name, news.number, limit)
        if not rows:
            return 0
        calendar = await effective_calendar(connection, news.name, now=now)
        terms_of: dict[str, WithdrawalTerms] = {}
        dates: list[_Dates] = []
        for row in rows:
            policy = policy_at(row["asked_at"])
            if policy.sha256 not in terms_of:
                terms_of[policy.sha256] = withdrawal_terms(policy.terms)
            dates.append(_dates(row, policy, terms_of[policy.sha256], calendar, now))
        await connection.execute(
            _SQL["redate"],
            [row["store_id"] for row in rows],
            [row["withdrawal_id"] for row in rows],
            [each.arrives_on for each in dates],
            [each.latest_on for each in dates],
            [each.due_at for each in dates],
            news.number,
        )
        moved = [
            (row, new)
            for row, new in zip(rows, dates, strict=True)
            if (row["arrives_on"], row["latest_on"]) != (new.arrives_on, new.latest_on)
        ]
        await _keep(connection, moved, news, now)
        messages = [_message(row, new, news, id=ids.make(now), now=now) for row, new in moved]
        await events.send(connection, messages, now=now)
    return len(rows)


async def redatings(connection: Connection, store_id: str, id: str) -> list[Redating]:
    """How the dates of the withdrawal of that hex id moved, the oldest first. WithdrawalUnknown."""
    if not await connection.fetchval(_SQL["withdrawal_exists"], store_id, id):
        raise WithdrawalUnknown(id)
    return [
        msgspec.convert(dict(row), Redating)
        for row in await connection.fetch(_SQL["redatings_of"], store_id, id)
    ]


def _dates(row: Record, policy: Policy, terms: WithdrawalTerms, calendar: Calendar, now: datetime) -> _Dates:
    """The dates of a withdrawal by the function that gave it its first ones, and by the terms it was asked under."""
    promotion = window_on(policy.terms.promotion_windows, row["asked_on"]) is not None
    told: date = row["arrives_on"]
    arrival = arrival_of(terms, calendar, asked_at=row["asked_at"], promotion=promotion)
    # Nothing arrives in the past: a day that moved there is today's or the next working day, and never later than told.
    soonest = min(told, calendar.add_working_days(terms.local(now).date(), 0))
    arrives_on = max(arrival.arrives_on, soonest)
    due_at: datetime = row["due_at"]
    if arrives_on != told and due_at == first_inquiry_at(terms, told):
        due_at = max(first_inquiry_at(terms, arrives_on), now)
    return _Dates(arrives_on, max(arrival.latest_on, arrives_on), due_at)


async def _keep(
    connection: Connection, moved: Sequence[tuple[Record, _Dates]], news: News, now: datetime
) -> None:
    if not moved:
        return
    await connection.execute(
        _SQL["insert_redatings"],
        [row["store_id"] for row, _ in moved],
        [row["withdrawal_id"] for row, _ in moved],
        [row["arrives_on"] for row, _ in moved],
        [new.arrives_on for _, new in moved],
        [row["latest_on"] for row, _ in moved],
        [new.latest_on for _, new in moved],
        news.name,
        news.number,
        news.imported_by,
        now,
    )


def _message(row: Record, new: _Dates, news: News, *, id: str, now: datetime) -> Message:
    return arrival_changed(
        row["store_id"],
        id=id,
        withdrawal_id=public_id(PREFIX, row["withdrawal_id"].hex, row["store_id"]),
        asked_on=row["asked_on"],
        amount=row["amount"],
        arrives_on=(row["arrives_on"], new.arrives_on),
        latest_on=(row["latest_on"], new.latest_on),
        calendar=news.name,
        calendar_number=news.number,
        occurred_at=now,
        currency=row["currency"],
    )
