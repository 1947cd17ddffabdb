"""What can be asked of the order engine, and what it answers.

A command is decoded input: its amounts and ids are within limits, its caller may act for the store. An answer
is remembered under the command's idempotency key and given again, byte for byte, to whoever repeats it.
"""

from datetime import datetime
from typing import Literal

import msgspec

from houfu.core.ids import public_id
from houfu.core.reason import Language, Reason, message, remedy
from houfu.lines.order import Order

PREFIX = "auth"
"""The prefix of an authorization's public id."""


class Authorize(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Reserve `amount` on the store's line for an order."""

    store_id: str
    order_id: str
    buyer_id: str
    amount: int
    currency: str
    key: str
    request_sha: bytes
    author: str
    language: Language = "zh"


class Act(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Do something with an authorized order. `amount` None means all (capture, void)."""

    kind: Literal["capture", "void", "repay", "return"]
    store_id: str
    id: str
    amount: int | None
    final: bool = False
    key: str
    request_sha: bytes
    author: str
    language: Language = "zh"


class Due(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What time does to an order, at the moment it was due. Repeating it does nothing: it has no key."""

    kind: Literal["expire", "default"]
    store_id: str
    id: str
    at: datetime
    author: str = "worker"


Command = Authorize | Act | Due


class AuthorizationOutcome(msgspec.Struct, frozen=True, gc=False):
    """Answer to an authorization. Refused: `reason`, `message` and `remedy` say why and what helps; where the limit was
    exceeded, `short_by` is what was missing (C2)."""

    id: str
    status: Literal["authorized", "refused"]
    reason: str | None
    message: str | None
    remedy: str | None
    store_id: str
    order_id: str
    amount: int
    currency: str
    over_limit_amount: int
    expires_at: datetime | None
    short_by: int | None = None


class OrderOutcome(msgspec.Struct, frozen=True, gc=False):
    """Answer to a capture, void, repayment or return: `amount` is what it took effect on, the rest is the order
    after it. Refused: `status` is "refused", nothing changed, `reason`, `message` and `remedy` say why."""

    id: str
    status: str
    reason: str | None
    message: str | None
    remedy: str | None
    store_id: str
    order_id: str
    amount: int
    currency: str
    authorized: int
    held: int
    captured: int
    freed: int
    repaid: int
    returned: int
    outstanding: int


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a command came to. `outcome` is None where the first answer was given again."""

    status: int
    body: bytes
    replayed: bool
    outcome: AuthorizationOutcome | OrderOutcome | None


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """The command was not carried out and nothing is remembered under its key.

    `idempotency_key_reused`: the key came before with another request. `idempotency_key_in_use`: the first
    request with this key is still running. `authorization_unknown`: there is no such order. `internal`: a bug.
    """

    code: Literal["idempotency_key_reused", "idempotency_key_in_use", "authorization_unknown", "internal"]


NOTHING_DUE = Answer(200, b"", False, None)
"""A due command that found nothing to do."""


def authorized(order: Order) -> AuthorizationOutcome:
    """The answer for a hold that was made."""
    return AuthorizationOutcome(
        public_id(PREFIX, order.id, order.store_id),
        "authorized",
        None,
        None,
        None,
        order.store_id,
        order.order_id,
        order.amount,
        order.currency,
        order.over_limit_amount,
        order.expires_at,
    )


def authorization_refused(
    command: Authorize, id: str, reason: Reason, *, short_by: int | None = None
) -> AuthorizationOutcome:
    """The answer for a hold that was not made."""
    return AuthorizationOutcome(
        public_id(PREFIX, id, command.store_id),
        "refused",
        reason.value,
        message(reason, command.language),
        remedy(reason, command.language),
        command.store_id,
        command.order_id,
        command.amount,
        command.currency,
        0,
        None,
        short_by,
    )


def acted(
    order: Order, amount: int, *, reason: Reason | None = None, language: Language = "zh"
) -> OrderOutcome:
    """The answer for a command on an order as it stands after it."""
    return OrderOutcome(
        public_id(PREFIX, order.id, order.store_id),
        order.status if reason is None else "refused",
        None if reason is None else reason.value,
        None if reason is None else message(reason, language),
        None if reason is None else remedy(reason, language),
        order.store_id,
        order.order_id,
        amount,
        order.currency,
        order.amount,
        order.held,
        order.captured,
        order.freed,
        order.repaid,
        order.returned,
        order.unpaid,
    )
