"""What the marketplace tells the programme about its stores: openings, facts, a month's metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from random import Random
from typing import Final

from asyncpg import Pool, Record

from houfu.core.ids import IdMaker
from houfu.importing.actions import put_metrics, put_stores
from houfu.importing.rows import MonthOfStore
from houfu.lab.marketplace import Happening, Shop, draw_metrics, draw_past_metrics
from houfu.lab.payouts import ACCOUNT_ID
from houfu.lab.trade import MonthTrade
from houfu.lines.assessing import assess, take_up_fact
from houfu.policy.book import PolicyBook
from houfu.policy.periods import MONTHS_A_YEAR, add_months
from houfu.stores.actions import put_bank_account, record_fact
from houfu.stores.store import Store

_AUTHOR: Final = "marketplace"
_ASSESSED_AT_ONCE: Final = 500


class NotAssessed(Exception):
    """A store of the simulation could not be decided about: its data are at fault."""


class Upkeep:
    """The marketplace's back office."""

    def __init__(
        self,
        pool: Pool[Record],
        book: Callable[[], PolicyBook],
        ids: IdMaker,
        shops: Sequence[Shop],
        *,
        seed: int,
    ) -> None:
        self._pool = pool
        self._book = book
        self._ids = ids
        self._random = Random(f"{seed}|upkeep")  # noqa: S311 (repeatable on purpose)
        self._opening: dict[date, list[Shop]] = {}
        self._happening: dict[date, list[tuple[Shop, Happening]]] = {}
        for shop in shops:
            self._opening.setdefault(shop.opened_on, []).append(shop)
            for happening in shop.happenings:
                self._happening.setdefault(happening.day, []).append((shop, happening))
        self.open_shops: list[Shop] = []

    async def begin(self, start: date, *, now: datetime) -> None:
        """Bring in the stores that are open before the run, with a year of metrics, and assess them."""
        shops = [shop for day, opened in self._opening.items() if day < start for shop in opened]
        shops.sort(key=lambda shop: shop.store_id)
        await self._enrol(shops, now)
        months = [add_months(start.replace(day=1), -back) for back in range(MONTHS_A_YEAR, 0, -1)]
        rows = [
            MonthOfStore(store_id=shop.store_id, month=month, **draw_past_metrics(shop, month, self._random))
            for shop in shops
            for month in months
            if month >= shop.opened_on.replace(day=1)
        ]
        await self._report(rows, now)
        await self._assess(shops, "store_enrolled", now)

    async def morning(self, day: date, *, now: datetime) -> None:
        """Openings and facts of the day."""
        if opening := self._opening.get(day):
            await self._enrol(opening, now)
            await self._assess(opening, "store_enrolled", now)
        if happening := self._happening.get(day):
            await self._tell(happening, now)

    async def month_over(self, today: date, trade: Mapping[str, MonthTrade], *, now: datetime) -> None:
        """Report the month that ended with yesterday."""
        month = add_months(today, -1)
        rows: list[MonthOfStore] = []
        for shop in self.open_shops:
            done = trade.get(shop.store_id) or MonthTrade()
            metrics = draw_metrics(
                shop,
                month,
                orders=done.orders,
                gmv=done.gmv,
                shipped=done.shipped,
                returned=done.returned,
                random=self._random,
            )
            rows.append(MonthOfStore(store_id=shop.store_id, month=month, **metrics))
        await self._report(rows, now)

    async def _enrol(self, shops: Sequence[Shop], now: datetime) -> None:
        stores = [
            Store(
                store_id=shop.store_id,
                name=shop.name,
                owner_id=shop.owner_id,
                level=shop.level,
                opened_on=shop.opened_on,
                phone_kind=shop.phone_kind,
                category=shop.category.name,
            )
            for shop in shops
        ]
        async with self._pool.acquire() as connection, connection.transaction():
            await put_stores(connection, stores, now=now)
            for shop in shops:
                await put_bank_account(
                    connection,
                    shop.store_id,
                    ACCOUNT_ID,
                    holder=shop.name,
                    number=shop.account_number,
                    bank_code=shop.bank_code,
                    vouched_by="platform",
                    now=now,
                )
        self.open_shops += shops

    async def _report(self, rows: Sequence[MonthOfStore], now: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await put_metrics(connection, rows, now=now)

    async def _tell(self, happening: Sequence[tuple[Shop, Happening]], now: datetime) -> None:
        """Tell the facts; each acts on the store's line at once."""
        for shop, happened in happening:
            async with self._pool.acquire() as connection, connection.transaction():
                fact = await record_fact(
                    connection,
                    shop.store_id,
                    kind=happened.kind,
                    occurred_at=now,
                    note=happened.note,
                    author=_AUTHOR,
                    ids=self._ids,
                    now=now,
                )
                await take_up_fact(connection, fact, book=self._book(), ids=self._ids, now=now)

    async def _assess(self, shops: Sequence[Shop], cause: str, now: datetime) -> None:
        for at in range(0, len(shops), _ASSESSED_AT_ONCE):
            async with self._pool.acquire() as connection:
                made = await assess(
                    connection,
                    [shop.store_id for shop in shops[at : at + _ASSESSED_AT_ONCE]],
                    book=self._book(),
                    cause=cause,
                    author=_AUTHOR,
                    ids=self._ids,
                    now=now,
                )
            for store_id, error in made.failed.items():
                raise NotAssessed(f"{store_id}: {error}")
