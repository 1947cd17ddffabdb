"""A run of the simulated marketplace: day by day, slot by slot, through the actions of the service.

The run is repeatable: one seed and size give the same commands in the same batches, so the same books, to the
last hash, on any machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from asyncpg import Pool, Record

from houfu.core.clock import SandboxClock
from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.lab.buyers import SLOT_HOURS
from houfu.lab.categories import CATEGORIES
from houfu.lab.demand import Demand
from houfu.lab.marketplace import Shop, found_shops
from houfu.lab.officer import RiskOfficer
from houfu.lab.payouts import NIGHT_HOUR, Payouts, Wallet
from houfu.lab.tally import Tally
from houfu.lab.trade import Trade, commands_of
from houfu.lab.upkeep import Upkeep
from houfu.lines.lanes import Lanes
from houfu.policy.book import PolicyBook
from houfu.withdrawals.ask import Answer, Ask, Trouble

_SQL = load(__package__)
START: Final = date(2026, 1, 1)
"""The run begins here: the year holds 6.18 and 11.11, and the calendar of working days covers it."""
ORDERS_A_STORE: Final = 120
"""Orders that a store's buyers want to pay later, of a mean store in a year."""
SENT_AT_ONCE: Final = 4_000
"""Commands on orders that are in flight together: always the same ones, so that batches are."""
ASKED_AT_ONCE: Final = 1_000
ZONE: Final = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a run is."""

    stores: int
    days: int
    seed: int
    start: date = START


@dataclass(frozen=True, slots=True)
class Engine:
    """What a run drives: the same parts as the service, on a clock that the run moves."""

    pool: Pool[Record]
    lanes: Lanes
    clock: SandboxClock
    book: Callable[[], PolicyBook]
    ids: IdMaker
    run_due: Callable[[datetime], Awaitable[object]]
    withdraw: Callable[[Sequence[Ask]], Awaitable[Sequence[Answer | Trouble]]]


Progress = Callable[[int, int, date, int], None]
"""Told after each day: its number, of how many, the date, and the commands sent so far."""


async def run_year(engine: Engine, scale: Scale, *, on_progress: Progress) -> Tally:
    """Set the marketplace up and let it trade; what the simulator counted, to be compared with the books."""
    shops = found_shops(count=scale.stores, start=scale.start, days=scale.days, seed=scale.seed)
    tally = Tally()
    trade = Trade(
        demand=Demand(
            start=scale.start,
            orders_a_year=ORDERS_A_STORE * scale.stores,
            weights=_weights(shops),
            random=Random(f"{scale.seed}|demand"),  # noqa: S311 (repeatable on purpose)
        ),
        shops=len(shops),
        seed=scale.seed,
        tally=tally,
    )
    payouts = Payouts(seed=scale.seed, tally=tally)
    upkeep = Upkeep(engine.pool, engine.book, engine.ids, shops, seed=scale.seed)
    officer = RiskOfficer(engine.pool, engine.book, engine.ids, seed=scale.seed, zone=ZONE, tally=tally)
    by_id = {shop.store_id: shop for shop in shops}
    trade.open_shops(())
    await upkeep.begin(scale.start, now=engine.clock.now())
    for number, day in _days(scale):
        if day.day == 1 and number:
            await _move(engine, day, time())
            await upkeep.month_over(day, trade.month, now=engine.clock.now())
            trade.month = {}
            await engine.run_due(engine.clock.now())
        for hour in SLOT_HOURS:
            now = await _move(engine, day, time(hour))
            await engine.run_due(now)
            trade.time_passed(number, hour)
            if hour == SLOT_HOURS[0]:
                await upkeep.morning(day, now=now)
                await officer.morning(day, now=now)
                trade.open_shops(upkeep.open_shops)
            sent = trade.send(number, day, hour)
            for at in range(0, len(sent), SENT_AT_ONCE):
                part = sent[at : at + SENT_AT_ONCE]
                trade.hear(part, await engine.lanes.submit_all(commands_of(part)), number, hour)
            await _withdraw(engine, payouts, upkeep.open_shops, by_id, number, hour)
        if payouts.askers(upkeep.open_shops, number, NIGHT_HOUR):
            await engine.run_due(await _move(engine, day, time(NIGHT_HOUR, 30)))
            await _withdraw(engine, payouts, upkeep.open_shops, by_id, number, NIGHT_HOUR)
        payouts.day_over(day)
        on_progress(number + 1, scale.days, day, tally.commands)
    return tally


async def _withdraw(
    engine: Engine,
    payouts: Payouts,
    shops: Sequence[Shop],
    by_id: dict[str, Shop],
    number: int,
    hour: int,
) -> None:
    askers = payouts.askers(shops, number, hour)
    if not askers:
        return
    async with engine.pool.acquire() as connection:
        rows = await connection.fetch(_SQL["wallets"], [shop.store_id for shop in askers])
    wallets = {row[0]: Wallet(row[1], row[2], row[3]) for row in rows}
    asks = payouts.asks(askers, wallets)
    for at in range(0, len(asks), ASKED_AT_ONCE):
        part = asks[at : at + ASKED_AT_ONCE]
        payouts.hear(by_id, part, await engine.withdraw(part))


async def _move(engine: Engine, day: date, at: time) -> datetime:
    engine.clock.move_to(datetime.combine(day, at, ZONE).astimezone(UTC))
    return engine.clock.now()


def _days(scale: Scale) -> Iterator[tuple[int, date]]:
    return ((number, scale.start + timedelta(days=number)) for number in range(scale.days))


def _weights(shops: Sequence[Shop]) -> dict[str, int]:
    """How much of the demand falls to each category: what its stores sell in a mean month."""
    return {
        category.name: sum(shop.orders_a_month for shop in shops if shop.category is category)
        for category in CATEGORIES
    }
