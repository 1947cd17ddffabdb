"""Opens the rails of an installation."""

from collections.abc import Sequence

from asyncpg import Pool, Record

from houfu.bank.habits import Habits
from houfu.core.clock import Clock
from houfu.db.queries import load
from houfu.payouts.rails.config import Already, RailsConfig, SimulatedTerms, open_rail
from houfu.payouts.rails.rail import Rail
from houfu.payouts.simulated import SimulatedRail
from houfu.payouts.work import Foreseen, Rails

_SQL = load(__package__)


def open_rails(config: RailsConfig, pool: "Pool[Record]", *, clock: Clock, habits: Habits) -> Rails:
    """The rails of `config`; nothing is spoken over them yet. `habits` are those of simulated banks.

    ExtraMissing where an adapter is not installed, RailAway where a key cannot be read.
    """
    ways: dict[str, Rail] = {}
    foreseen: dict[str, Foreseen] = {}
    for terms in config.rails:
        if isinstance(terms.adapter, SimulatedTerms):
            ways[terms.name] = foreseen[terms.name] = SimulatedRail(pool, clock, terms, habits)
        else:
            ways[terms.name] = open_rail(terms, already=_already(pool, terms.name))
    return Rails(config, ways, foreseen)


def _already(pool: "Pool[Record]", rail: str) -> Already:
    async def already(names: Sequence[str]) -> set[str]:
        async with pool.acquire() as connection:
            rows = await connection.fetch(_SQL["names_taken"], rail, list(names))
        return {row["name"] for row in rows}

    return already
