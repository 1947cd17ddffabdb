"""What the interface of orders takes and answers."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from houfu.http.fields import Amount, AnyAmount, AuthorizationId, Currency, Key, PageQuery, StoreId, Text64

Status = Literal[
    "refused",
    "authorized",
    "partially_captured",
    "captured",
    "repaid",
    "returned",
    "voided",
    "expired",
    "defaulted",
]
ItemList = Annotated[list["BatchItem"], msgspec.Meta(min_length=1, max_length=1000)]


class AuthorizeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order that wants to go on its store's line."""

    store_id: StoreId
    order_id: Text64
    buyer_id: Text64
    amount: AnyAmount
    currency: Currency | None = None


class BatchItem(AuthorizeBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order of many, with a key of its own."""

    idempotency_key: Key


class BatchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders to authorize; those of one store are decided in this order."""

    items: ItemList


class BatchOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """An item's outcome: an authorization's answer and whether it was given before, or, where `status` is "error",
    only the `code` of what kept the item from being carried out; then nothing is remembered under its key."""

    status: Literal["authorized", "refused", "error"]
    replayed: bool
    code: Literal["idempotency_key_reused", "idempotency_key_in_use", "internal"] | None = None
    id: str | None = None
    reason: str | None = None
    message: str | None = None
    remedy: str | None = None
    store_id: str | None = None
    order_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    over_limit_amount: int | None = None
    short_by: int | None = None
    expires_at: datetime | None = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """The outcomes in the order of the items."""

    data: list[BatchOutcome]


class AuthorizationPath(msgspec.Struct, frozen=True):
    """A path that names an authorization."""

    id: AuthorizationId


class AuthorizationsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which authorizations: of one store or of all, of one order, in one status."""

    store_id: StoreId | None = None
    order_id: Text64 | None = None
    status: Status | None = None


class AuthorizationView(msgspec.Struct, frozen=True, kw_only=True):
    """An order on the line as it stands; amounts in minor units."""

    id: str
    status: Status
    reason: str | None
    store_id: str
    order_id: str
    buyer_id: str
    amount: int
    currency: str
    over_limit_amount: int
    held: int
    captured: int
    freed: int
    repaid: int
    returned: int
    outstanding: int
    authorized_at: datetime
    expires_at: datetime | None
    captured_at: datetime | None


class CaptureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was shipped: everything still held where no amount is given. `final` frees the rest of the hold."""

    amount: Amount | None = None
    currency: Currency | None = None
    final: bool = False


class AmountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was paid, or what came back."""

    amount: Amount
    currency: Currency | None = None
