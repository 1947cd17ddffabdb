"""The credit line of a store: what its total follows from, and whether an order fits.

A line's total follows from the dated layers in force at a moment, the cap and the zero rules of the
assessment that made them (program.md B, C1). `used` counts every open order, `available` is what is left,
never below zero; `over_used` is by how much use exceeds the total, after the total fell or an order shipped
beyond it (A10).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from houfu.core.money import share_floor
from houfu.core.reason import Reason, Refusal
from houfu.lines.order import Order
from houfu.policy.evaluate import limit_total
from houfu.policy.terms import Orders

Status = Literal["open", "suspended", "closed"]


class Layer(msgspec.Struct, frozen=True, gc=False):
    """A dated part of the limit, minor units. In force from `valid_from` until just before `valid_until`."""

    kind: str
    amount: int
    valid_from: datetime
    valid_until: datetime | None
    reason: str

    def in_force(self, moment: datetime) -> bool:
        return self.valid_from <= moment and (self.valid_until is None or moment < self.valid_until)


class Line(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A store's line as it stands. Amounts in minor units of `currency`."""

    store_id: str
    status: Status
    currency: str
    total: int
    total_until: datetime | None
    used: int
    assessment_id: str
    cap: int | None
    zeroed: bool
    rounding: int
    day_withdrawn_share_bp: int = 0
    partner: str | None = None
    """Who funds the store, where that is not the programme itself (B1)."""

    @property
    def available(self) -> int:
        return max(0, self.total - self.used)

    @property
    def over_used(self) -> int:
        return max(0, self.used - self.total)


def total_at(
    layers: Iterable[Layer], moment: datetime, *, cap: int | None, zeroed: bool, rounding: int
) -> int:
    """The limit at `moment`: the layers in force, capped (B8), floored to `rounding`, zero where a rule zeroed it (B11)."""
    in_force = sum(layer.amount for layer in layers if layer.in_force(moment))
    return limit_total(in_force, cap=cap, zeroed=zeroed, rounding=rounding)


def next_change(layers: Iterable[Layer], moment: datetime) -> datetime | None:
    """The next moment after `moment` at which a layer starts or ends."""
    moments = (
        edge for layer in layers for edge in (layer.valid_from, layer.valid_until) if edge and edge > moment
    )
    return min(moments, default=None)


class Fall(msgspec.Struct, frozen=True):
    """A moment at which the total falls, by how much, and the kinds of the layers that end or shrink then."""

    at: datetime
    by: int
    kinds: tuple[str, ...]


def next_fall(line: Line, layers: list[Layer], moment: datetime) -> Fall | None:
    """The nearest fall of the total (C1); None when nothing falls."""
    total, at = total_at(layers, moment, cap=line.cap, zeroed=line.zeroed, rounding=line.rounding), moment
    while (edge := next_change(layers, at)) is not None:
        after = total_at(layers, edge, cap=line.cap, zeroed=line.zeroed, rounding=line.rounding)
        if after < total:
            return Fall(edge, total - after, _shrinking(layers, at, edge))
        total, at = after, edge
    return None


def _shrinking(layers: list[Layer], before: datetime, after: datetime) -> tuple[str, ...]:
    def amount(kind: str, at: datetime) -> int:
        return sum(layer.amount for layer in layers if layer.kind == kind and layer.in_force(at))

    kinds = dict.fromkeys(layer.kind for layer in layers)
    return tuple(kind for kind in kinds if amount(kind, after) < amount(kind, before))


def retotaled(line: Line, layers: list[Layer], moment: datetime) -> Line:
    """The line with the total that its layers give at `moment`."""
    return msgspec.structs.replace(
        line,
        total=total_at(layers, moment, cap=line.cap, zeroed=line.zeroed, rounding=line.rounding),
        total_until=next_change(layers, moment),
    )


def beyond_allowed(line: Line, terms: Orders) -> int:
    """How much of the next order may lie beyond the line (A10), floored to the fen; 0 where nothing may."""
    if not terms.over_limit.allowed:
        return 0
    return max(0, share_floor(line.total, terms.over_limit.max_bp_of_total) - line.over_used)


def authorize(
    line: Line | None,
    *,
    id: str,
    store_id: str,
    order_id: str,
    buyer_id: str,
    amount: int,
    currency: str,
    already_authorized: bool,
    terms: Orders,
    now: datetime,
) -> Order | Refusal:
    """Reserve `amount` on the line for an order (A3), or give the first reason not to.

    The order of the checks is part of the interface: amount, line open, suspended, currency, order known, limit.
    Where the policy lets a store ship beyond its line (A10), what does not fit is the `over_limit_amount`.
    """
    if amount <= 0:
        return Refusal(Reason.AMOUNT_NOT_POSITIVE)
    if line is None or line.status == "closed":
        return Refusal(Reason.LINE_NOT_OPEN)
    if line.status == "suspended":
        return Refusal(Reason.LINE_SUSPENDED)
    if currency != line.currency:
        return Refusal(Reason.CURRENCY_DIFFERS)
    if already_authorized:
        return Refusal(Reason.ORDER_ALREADY_AUTHORIZED)
    beyond = max(0, amount - line.available)
    if beyond > beyond_allowed(line, terms):
        return Refusal(Reason.LIMIT_EXCEEDED)
    # Nothing below may refuse.
    expires_at = now + timedelta(days=terms.hold_days)
    return Order(
        store_id=store_id,
        id=id,
        order_id=order_id,
        buyer_id=buyer_id,
        status="authorized",
        currency=currency,
        amount=amount,
        over_limit_amount=beyond,
        authorized_at=now,
        expires_at=expires_at,
        due_at=expires_at,
    )
