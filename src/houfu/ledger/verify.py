"""Proving the books: every invariant of every store, over several connections at once.

The invariants are SQL, written apart from the code that keeps them: `invariants.sql` of each capability. The
hash chain is computed anew by the database from the rows as they are.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from time import perf_counter

import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection

INVARIANTS = load(__package__, "invariants.sql")
STORES_AT_ONCE = 100
"""Stores that one statement looks at: small enough to show progress, large enough to be one scan."""

Acquire = Callable[[], AbstractAsyncContextManager[Connection]]
Progress = Callable[[int, int], None]
"""Told how many stores are proven, of how many."""


class Break(msgspec.Struct, frozen=True):
    """Where an invariant does not hold: which one, in which store, at what place, and what was found."""

    invariant: str
    store_id: str
    place: str
    finding: str


class Proof(msgspec.Struct, frozen=True):
    """What was proven. `first_break` is None where everything holds."""

    verified: bool
    stores: int
    journals: int
    postings: int
    invariants: tuple[str, ...]
    first_break: Break | None
    milliseconds: int


async def verify(
    acquire: Acquire,
    invariants: Mapping[str, str],
    *,
    connections: int = 4,
    on_progress: Progress | None = None,
) -> Proof:
    """Prove the invariants for every store. The first break is that of the lowest store id, then the first
    invariant in order; where one is found the search does not go on to higher stores."""
    start = perf_counter()
    async with acquire() as connection:
        stores = [
            row[0]
            for row in await connection.fetch(
                "select store_id from books union select store_id from journals union select store_id from lines order by 1"
            )
        ]
        journals, postings = await connection.fetchrow(
            "select count(*), coalesce(sum(cardinality(accounts)), 0)::bigint from journals"
        ) or (0, 0)
    ranges = [stores[at : at + STORES_AT_ONCE] for at in range(0, len(stores), STORES_AT_ONCE)]
    following = iter(enumerate(ranges))
    breaks: dict[int, Break] = {}
    proven = 0

    async def prove_ranges() -> None:
        nonlocal proven
        async with acquire() as connection:
            for number, part in following:
                if breaks and number > min(breaks):
                    return
                if (found := await _first_break(connection, invariants, part[0], part[-1])) is not None:
                    breaks[number] = found
                proven += len(part)
                if on_progress is not None:
                    on_progress(proven, len(stores))

    await asyncio.gather(*(prove_ranges() for _ in range(min(connections, max(1, len(ranges))))))
    first = breaks[min(breaks)] if breaks else None
    return Proof(
        verified=first is None,
        stores=len(stores),
        journals=journals,
        postings=postings,
        invariants=tuple(invariants),
        first_break=first,
        milliseconds=round((perf_counter() - start) * 1000),
    )


async def _first_break(
    connection: Connection, invariants: Mapping[str, str], first: str, last: str
) -> Break | None:
    found: list[Break] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # Books are mostly sound: a plan that bets on an early find goes row by row to the end, and is far slower.
        await connection.execute("set local enable_nestloop = off; set local enable_mergejoin = off")
        for name, statement in invariants.items():
            rows = await connection.fetch(statement, first, last)
            found += [Break(name, row["store_id"], row["place"], row["finding"]) for row in rows]
    return min(found, key=lambda broken: broken.store_id, default=None)
