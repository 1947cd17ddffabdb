"""A funding partner's facility: how much it has committed, and how much of that is allocated to stores (B1).

What a store may use at the partner is allocated when its limit is made, not when an order comes: so no order ever waits for
a row that all stores share, and the sum of the limits never exceeds what the partner committed.
"""

from collections.abc import Iterable

import msgspec


class Facility(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner committed and what of it is allocated, minor units of `currency`."""

    partner: str
    currency: str
    committed: int
    allocated: int

    @property
    def headroom(self) -> int:
        """What is left; nothing where the partner took its commitment back below what is allocated."""
        return max(0, self.committed - self.allocated)


class Allocation(msgspec.Struct, frozen=True, gc=False):
    """What of a partner's facility is a store's, minor units; never zero."""

    store_id: str
    partner: str
    amount: int


class Facilities:
    """Working copies of facilities and of some stores' allocations in them, while limits are made."""

    def __init__(self, facilities: Iterable[Facility], allocations: Iterable[Allocation]) -> None:
        self.facilities = {facility.partner: facility for facility in facilities}
        self._before = {allocation.store_id: allocation for allocation in allocations}
        self._after = dict(self._before)

    def headroom(self, store_id: str) -> dict[str, int]:
        """By partner, the most the store's limit may be there: what is left, and what is the store's already."""
        own = self._after.get(store_id)
        return {
            partner: max(0, facility.committed - facility.allocated + _of(own, partner))
            for partner, facility in self.facilities.items()
        }

    def allocate(self, store_id: str, partner: str | None, amount: int) -> None:
        """Let `amount` at `partner` be all that the store has of any facility; None or 0: nothing."""
        own = self._after.pop(store_id, None)
        if own is not None:
            self._move(own.partner, -own.amount)
        if partner is not None and amount and partner in self.facilities:
            self._after[store_id] = Allocation(store_id, partner, amount)
            self._move(partner, amount)

    @property
    def changed(self) -> tuple[list[Allocation], list[str]]:
        """The allocations to write, and the stores that have none any more."""
        put = [made for store_id, made in self._after.items() if self._before.get(store_id) != made]
        return put, [store_id for store_id in self._before if store_id not in self._after]

    def _move(self, partner: str, amount: int) -> None:
        facility = self.facilities[partner]
        self.facilities[partner] = msgspec.structs.replace(facility, allocated=facility.allocated + amount)


def _of(own: Allocation | None, partner: str) -> int:
    return own.amount if own is not None and own.partner == partner else 0
