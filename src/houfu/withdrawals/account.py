"""What the programme knows when a store asks for its money: the store, its withdrawals before, where it shall go."""

from datetime import date, datetime
from typing import NamedTuple

import msgspec


class Account(msgspec.Struct, frozen=True, gc=False):
    """What the programme knows of a store when it asks for its money. Amounts are in fen."""

    withdrawable: int
    liability: int = 0
    frozen: bool = False
    """The store's funds are frozen."""
    abnormal: bool = False
    """The line is suspended or the store is marked high-risk: a review is due (D10)."""
    limit_total: int = 0
    """The line's total; 0 without one, and then no rule on shares of the limit applies."""
    limit_available: int = 0
    months_open: int = 1
    """Full months since opening; 0 is the first month (D8)."""


class Earlier(NamedTuple):
    """An earlier withdrawal of the store: when it was asked, and how much, fen."""

    asked_at: datetime
    amount: int


class History(msgspec.Struct, frozen=True):
    """The store's withdrawals before this one, those refused, failed or canceled left out."""

    prior_count: int
    """All that are scheduled, in transit or paid: the free first one is granted once."""
    prior_year_total: int
    """Fen, of those *paid* in this calendar year (D2)."""
    day_count: int = 0
    """Asked on this local day."""
    day_amount: int = 0
    """Fen, asked on this local day."""
    last_large_on: date | None = None
    """Local day of the newest large one: a share of the limit over `large_share_bp` (D7)."""
    hours_24: tuple[Earlier, ...] = ()
    """Asked less than 24 hours ago, oldest first."""


class Destination(msgspec.Struct, frozen=True, gc=False):
    """What the programme knows of the bank account the money is to go to."""

    known: bool = True
    verified: bool = True
    """Somebody other than the store vouches for it."""
    changed_at: datetime | None = None
    """When holder, number or bank last became others."""
