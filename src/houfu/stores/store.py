"""A store of the marketplace, as the marketplace tells us about it."""

from datetime import date, datetime
from typing import Literal

import msgspec

PhoneKind = Literal["mobile", "virtual"]


class StoreUnknown(LookupError):
    """There is no such store."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """Who trades, since when, at which level. A virtual phone number lowers its limit for good (B12)."""

    store_id: str
    name: str
    owner_id: str
    level: int
    opened_on: date
    phone_kind: PhoneKind
    category: str


class KnownStore(Store, frozen=True, kw_only=True):
    """A store and when we learned of it."""

    recorded_at: datetime
    updated_at: datetime
