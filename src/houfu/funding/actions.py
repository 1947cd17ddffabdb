"""Keeping facilities, and allocating them in the transaction that makes the limits."""

from collections.abc import Sequence
from datetime import datetime

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.funding.facility import Allocation, Facilities, Facility

_SQL = load(__package__)


class CurrencyDiffers(ValueError):
    """A facility keeps the currency it was opened in."""


async def put_facility(
    connection: Connection, partner: str, *, currency: str, committed: int, author: str, now: datetime
) -> Facility:
    """Open a partner's facility, or change what it commits. Limits that are made already stay; a commitment below what is
    allocated only leaves no headroom."""
    row = await connection.fetchrow(_SQL["put_facility"], partner, currency, committed, now, author)
    if row is None:
        raise CurrencyDiffers(f"the facility of {partner} is in another currency")
    return Facility(**dict(row))


async def list_facilities(connection: Connection) -> list[Facility]:
    """Every facility, by partner."""
    return [Facility(**dict(row)) for row in await connection.fetch(_SQL["facilities"])]


async def lock_facilities(
    connection: Connection, partners: Sequence[str], store_ids: Sequence[str]
) -> Facilities:
    """Lock, in the order of their names, the facilities of `partners` and those in which the stores have allocations.

    Taken before the lines are locked: whoever makes limits waits here, and no order does.
    """
    facilities = [
        Facility(**dict(row)) for row in await connection.fetch(_SQL["lock_facilities"], partners, store_ids)
    ]
    allocations = await connection.fetch(_SQL["allocations_of"], store_ids) if facilities else []
    return Facilities(facilities, [Allocation(*row) for row in allocations])


async def read_facilities(connection: Connection, store_ids: Sequence[str]) -> Facilities:
    """Every facility and what the stores have of them, as they stand: nothing is locked and nobody waits."""
    allocations = await connection.fetch(_SQL["allocations_of"], store_ids)
    return Facilities(await list_facilities(connection), [Allocation(*row) for row in allocations])


async def record(connection: Connection, facilities: Facilities, *, now: datetime) -> None:
    """Write the allocations that changed and what they come to."""
    put, gone = facilities.changed
    if put:
        await connection.execute(
            _SQL["put_allocations"],
            [allocation.store_id for allocation in put],
            [allocation.partner for allocation in put],
            [allocation.amount for allocation in put],
            now,
        )
    if gone:
        await connection.execute(_SQL["delete_allocations"], gone)
    if put or gone:
        every = list(facilities.facilities.values())
        await connection.execute(
            _SQL["update_facilities"], [f.partner for f in every], [f.allocated for f in every], now
        )
