"""What the interface of stores takes and answers."""

from datetime import datetime
from typing import Annotated

import msgspec

from houfu.core.money import MAX_AMOUNT
from houfu.http.fields import BankAccountId, Day, Moment, Month, Note, StoreId, Text64, Text100, Text200
from houfu.stores.facts import Fact, FactKind
from houfu.stores.metrics import Metrics
from houfu.stores.store import PhoneKind

Score = Annotated[int, msgspec.Meta(ge=0, le=500, description="Hundredths: 480 is 4.80.")]
ShareBp = Annotated[int, msgspec.Meta(ge=0, le=10_000, description="Basis points: 250 is 2.5%.")]
Whole = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT)]


class StoreBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store as the marketplace knows it."""

    name: Text200
    owner_id: Text64
    level: Annotated[int, msgspec.Meta(ge=1, le=100)]
    opened_on: Day
    phone_kind: PhoneKind
    category: Text64


class MetricsPath(msgspec.Struct, frozen=True):
    """A path that names a month of a store."""

    store_id: StoreId
    month: Month


class MetricsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A month of a store in figures; `gmv` in fen."""

    orders: Whole
    gmv: Whole
    dsr_description: Score
    dsr_service: Score
    dsr_logistics: Score
    return_rate_bp: ShareBp
    good_review_bp: ShareBp
    complaint_bp: ShareBp


class MetricsView(Metrics, frozen=True, kw_only=True):
    """A month as we know it. `revision` counts the corrections."""

    store_id: str
    month: str
    revision: int
    recorded_at: datetime


class FactBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened to the store."""

    kind: FactKind
    occurred_at: Moment
    note: Note = ""


class FactView(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as it is kept."""

    id: str
    store_id: str
    kind: FactKind
    occurred_at: datetime
    recorded_at: datetime
    author: str
    note: str


def fact_view(fact: Fact) -> FactView:
    """The fact in words of the interface."""
    return FactView(
        id=fact.public_id,
        store_id=fact.store_id,
        kind=fact.kind,
        occurred_at=fact.occurred_at,
        recorded_at=fact.recorded_at,
        author=fact.author,
        note=fact.note,
    )


class BankAccountPath(msgspec.Struct, frozen=True):
    """A path that names an account of a store."""

    store_id: StoreId
    bank_account_id: BankAccountId


class BankAccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at a bank. `number` is its digits, without spaces."""

    holder: Text100
    number: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8,34}$", max_length=34)]
    bank_code: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]


class BankAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, its number masked but for the last four digits.

    `verified`: somebody other than the store vouches for it. `changed_at`: when holder, number or bank last became
    others, null while they are the first. `usable_from`: from when money can be withdrawn to it, null while it waits
    to be verified.
    """

    bank_account_id: str
    store_id: str
    holder: str
    number: str
    bank_code: str
    recorded_at: datetime
    updated_at: datetime
    verified: bool
    verified_by: str | None
    changed_at: datetime | None
    usable_from: datetime | None
