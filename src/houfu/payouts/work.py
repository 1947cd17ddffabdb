"""The due work of payouts: what is due is cut off into batches, approved files go to the bank, its reports are taken in.

Each step does nothing when repeated, so that a worker may be killed at any point, or two may work at once, and nobody is
paid twice. A bank that cannot be reached keeps nothing else from being done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from asyncpg import Pool, Record

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.payouts import actions
from houfu.payouts.rails.config import RailsConfig
from houfu.payouts.rails.rail import Rail, RailAway
from houfu.payouts.reports import Desk
from houfu.payouts.sending import send
from houfu.payouts.settling import TermsAt
from houfu.withdrawals.withdrawal import next_inquiry_at

_SQL = load(__package__)
POLL_EVERY: Final = timedelta(minutes=1)
"""How often a real bank is asked for reports."""

_log = structlog.get_logger()


class Foreseen(Protocol):
    """A bank whose reports can be foreseen: the simulated one."""

    async def next_at(self) -> datetime | None:
        """When the next report is there; it may be past."""
        ...


@dataclass(frozen=True, slots=True)
class Rails:
    """The rails of an installation: what is known of each, the way to each, and those whose reports can be foreseen."""

    config: RailsConfig
    ways: Mapping[str, Rail]
    foreseen: Mapping[str, Foreseen]


class Payouts:
    """The worker's view of payouts. `terms_at` gives the terms in force at a moment."""

    def __init__(
        self,
        pool: "Pool[Record]",
        rails: Callable[[], Rails],
        desk: Desk,
        *,
        terms_at: TermsAt,
        ids: IdMaker,
    ) -> None:
        self._pool = pool
        self._rails = rails
        self._desk = desk
        self._terms_at = terms_at
        self._ids = ids
        self._polled_at: dict[str, datetime] = {}

    async def run_due(self, now: datetime) -> int:
        """Do what is due by `now`, up to a limit; how much was done. Zero: nothing is left to do."""
        rails = self._rails()
        terms = self._terms_at(now)
        async with self._pool.acquire() as connection:
            done = len(await actions.cut_off(connection, rails.config, terms=terms, ids=self._ids, now=now))
            done += await send(connection, rails.ways, now=now)
            inquiries = {row["rail"] for row in await connection.fetch(_SQL["rails_with_inquiries"], now)}
            for rail in rails.config.rails:
                if rail.name in inquiries or await self._may_have_reports(rails, rail.name, now):
                    try:
                        done += await self._desk.collect(connection, rail, rails.ways[rail.name], now=now)
                        self._polled_at[rail.name] = now
                    except RailAway as away:
                        _log.warning("bank_away", rail=rail.name, error=str(away))
            if inquiries:
                await connection.execute(_SQL["put_off_inquiries"], now, next_inquiry_at(terms, now))
        return done

    async def next_due(self) -> datetime | None:
        """When something is due next; it may be past."""
        async with self._pool.acquire() as connection:
            moments = [await connection.fetchval(_SQL["next_due"])]
        moments += [await bank.next_at() for bank in self._rails().foreseen.values()]
        return min((moment for moment in moments if moment is not None), default=None)

    async def _may_have_reports(self, rails: Rails, name: str, now: datetime) -> bool:
        bank = rails.foreseen.get(name)
        if bank is not None:
            due = await bank.next_at()
            return due is not None and due <= now
        polled = self._polled_at.get(name)
        return polled is None or now - polled >= POLL_EVERY or now < polled
