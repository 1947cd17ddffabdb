"""An order on the line: its state machine, written once, as pure functions.

Authorize makes a hold, capture draws it, void and expire free it, repay restores the line, return claws the
advance back, default hands what the buyer still owes to whoever bears it. Each function takes an order and
answers an `Effect` (the order after it, by how much the line's use changes, the postings of its journal) or
a `Refusal`. `docs/reference/states.md` shows every state and command; it is made from this file.

Of an order's amount, part may lie beyond the line (A10, `over_limit_amount`). Captures draw what lies within
the line first; repayments and returns settle what lies beyond it first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from houfu.core.money import share_floor
from houfu.core.reason import Reason, Refusal
from houfu.ledger.journal import Posting
from houfu.policy.terms import Orders


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order and what happened to it. Amounts in minor units; all but the open ones only grow."""

    store_id: str
    id: str
    order_id: str
    buyer_id: str
    status: str
    currency: str
    amount: int
    authorized_at: datetime
    reason: str | None = None
    over_limit_amount: int = 0
    captured: int = 0
    freed: int = 0
    repaid: int = 0
    returned: int = 0
    refunded: int = 0
    """Of what was returned, the part the buyer had paid already and got back."""
    receivable: int = 0
    """Open: advanced within the line, not yet paid back."""
    liability: int = 0
    """Open: advanced beyond the line, not yet paid back (A10)."""
    written_off: int = 0
    """Open: moved from the receivable to whoever bears the buyer's default."""
    borne_by: str | None = None
    expires_at: datetime | None = None
    captured_at: datetime | None = None
    default_at: datetime | None = None
    """When what is unpaid becomes a default, by the terms at its last capture."""
    due_at: datetime | None = None

    @property
    def held(self) -> int:
        """What the order reserves and has not drawn."""
        return self.amount - self.captured - self.freed if self.reason is None else 0

    @property
    def unpaid(self) -> int:
        """What was drawn and neither paid nor returned."""
        return self.captured - self.repaid - (self.returned - self.refunded)

    @property
    def used(self) -> int:
        """What the order takes of the line (A3, A5)."""
        return self.held + self.unpaid


class Effect(msgspec.Struct, frozen=True, gc=False):
    """What a command does. `amount` is what it took effect on; `used` how the line's use changes."""

    order: Order
    amount: int
    used: int
    postings: tuple[Posting, ...]


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What the store has and owes at the moment of a command, minor units, both zero or more."""

    balance: int
    liability: int


def capture(
    order: Order, amount: int | None, *, final: bool, terms: Orders, now: datetime
) -> Effect | Refusal:
    """Draw `amount` of the hold (all of it when None): the store shipped, the programme advances (A2).

    `final` frees what is left of the hold.
    """
    if (refused := _refused(order)) is not None:
        return refused
    if order.held == 0:
        return Refusal(Reason.ORDER_CLOSED)
    drawn = order.held if amount is None else amount
    if drawn > order.held:
        return Refusal(Reason.CAPTURE_EXCEEDS_HOLD)
    # Nothing below may refuse.
    share = terms.funding.advance_share_bp
    captured = order.captured + drawn
    within = order.amount - order.over_limit_amount
    # Cumulative floors: however an order is split into captures, its advances add up to the same, on either
    # side of the line.
    advanced = share_floor(captured, share) - share_floor(order.captured, share)
    advanced_within = share_floor(min(captured, within), share) - share_floor(
        min(order.captured, within), share
    )
    advanced_beyond = advanced - advanced_within
    freed = order.held - drawn if final else 0
    after = msgspec.structs.replace(
        order,
        captured=captured,
        freed=order.freed + freed,
        receivable=order.receivable + advanced_within,
        liability=order.liability + advanced_beyond,
        captured_at=now,
        default_at=now + timedelta(days=terms.default.after_days),
    )
    postings = _nonzero(
        ("buyer_receivable", advanced_within),
        ("store_liability", advanced_beyond),
        ("store_balance", -advanced),
    )
    return Effect(_settled(after), drawn, -freed, postings)


def void(order: Order) -> Effect | Refusal:
    """Free everything the order still holds."""
    if (refused := _refused(order)) is not None:
        return refused
    if order.held == 0:
        return Refusal(Reason.NOTHING_TO_VOID)
    # Nothing below may refuse.
    return _free(order, "voided")


def expire(order: Order, *, now: datetime) -> Effect | None:
    """Free the hold whose time is over; None when there is nothing to expire at `now`."""
    if order.held == 0 or order.expires_at is None or order.expires_at > now:
        return None
    return _free(order, "expired")


def repay(order: Order, amount: int, *, standing: Standing) -> Effect | Refusal:
    """The buyer paid `amount` of the order: that part of the line is restored (A4).

    The payment first settles what was advanced beyond the line: it reduces the store's liability, or, where
    that was collected already, belongs to the store (A10). Then it pays the advance back. What was never
    advanced is the store's.
    """
    if (refused := _refused(order)) is not None:
        return refused
    if order.captured == 0:
        return Refusal(Reason.REPAYMENT_EXCEEDS_OUTSTANDING if order.held else Reason.ORDER_CLOSED)
    if amount > order.unpaid:
        return Refusal(Reason.REPAYMENT_EXCEEDS_OUTSTANDING)
    # Nothing below may refuse.
    beyond = min(amount, order.liability)
    owed = min(beyond, standing.liability)
    advance = min(amount - beyond, order.receivable)
    recovered = min(amount - beyond - advance, order.written_off)
    # Whoever bore the default gets what is recovered of it; a store that bore it gets balance.
    recovered_to = _bearer_account(order.borne_by) if recovered else "loss"
    rest = amount - owed - advance - recovered
    after = msgspec.structs.replace(
        order,
        repaid=order.repaid + amount,
        liability=order.liability - beyond,
        receivable=order.receivable - advance,
        written_off=order.written_off - recovered,
    )
    postings = _nonzero(
        ("bank", amount),
        ("store_liability", -owed),
        ("buyer_receivable", -advance),
        (recovered_to, -recovered),
        ("store_balance", -rest),
    )
    return Effect(_settled(after), amount, -amount, postings)


def give_back(order: Order, amount: int, *, standing: Standing) -> Effect | Refusal:
    """Goods worth `amount` came back (`return` in the interface).

    Goods that were shipped come first: what the buyer still owes for them is forgiven and the advance clawed
    back from the store's balance, else it becomes the store's liability; what the buyer had paid is refunded
    at the store's cost. What is left of `amount` frees the hold (a return before capture).
    """
    if (refused := _refused(order)) is not None:
        return refused
    if amount > order.held + order.captured - order.returned:
        return Refusal(
            Reason.RETURN_EXCEEDS_ORDER if order.held or order.unpaid or order.repaid else Reason.ORDER_CLOSED
        )
    # Nothing below may refuse.
    shipped = min(amount, order.captured - order.returned)
    forgiven = min(shipped, order.unpaid)
    refund = shipped - forgiven
    freed = amount - shipped

    beyond = min(forgiven, order.liability)
    advance = min(forgiven - beyond, order.receivable)
    recovered = min(forgiven - beyond - advance, order.written_off)
    # The store already owes what was advanced beyond the line, or had it collected; its balance pays that first.
    owed = min(beyond, standing.liability, standing.balance)
    # A default the store bore was already taken from it.
    recovered_from_store = 0 if order.borne_by == "store" else recovered
    claw = advance + recovered_from_store + refund
    from_balance = min(claw, standing.balance - owed)
    after = msgspec.structs.replace(
        order,
        returned=order.returned + shipped,
        refunded=order.refunded + refund,
        freed=order.freed + freed,
        liability=order.liability - beyond,
        receivable=order.receivable - advance,
        written_off=order.written_off - recovered,
    )
    postings = _nonzero(
        ("store_balance", owed + from_balance),
        ("store_liability", claw - from_balance - owed),
        ("buyer_receivable", -advance),
        (_bearer_account(order.borne_by) if recovered_from_store else "loss", -recovered_from_store),
        ("bank", -refund),
    )
    return Effect(_settled(after), amount, -forgiven - freed, postings)


def default(
    order: Order, *, standing: Standing, terms: Orders, now: datetime, partner: str | None = None
) -> Effect | None:
    """The buyer did not pay in time; None when the order is no default at `now`.

    What was advanced and is still open moves to whoever the policy lets bear it at this stage; where that is the funding
    partner and the store has none, to the platform. The line is not restored (A5): a late payment, a return or nothing restores it.
    """
    default_at = _default_at(order)
    if default_at is None or default_at > now or order.captured_at is None:
        return None
    received_at = order.captured_at + timedelta(days=terms.default.receipt_after_days)
    # What was shipped after a first default follows it to the same bearer.
    bearer = order.borne_by or (
        terms.default.bearer.received if default_at >= received_at else terms.default.bearer.shipped
    )
    if bearer == "funding_partner" and partner is None:
        bearer = "platform"
    lost = order.receivable
    from_balance = min(lost, standing.balance) if bearer == "store" else 0
    after = msgspec.structs.replace(
        order, receivable=0, written_off=order.written_off + lost, borne_by=bearer, status="defaulted"
    )
    postings = _nonzero(
        ("store_balance", from_balance),
        ("store_liability" if bearer == "store" else _bearer_account(bearer), lost - from_balance),
        ("buyer_receivable", -lost),
    )
    return Effect(_settled(after), lost, 0, postings)


def _refused(order: Order) -> Refusal | None:
    return Refusal(Reason.AUTHORIZATION_REFUSED) if order.status == "refused" else None


def _free(order: Order, emptied: str) -> Effect:
    after = msgspec.structs.replace(order, freed=order.freed + order.held, status=emptied)
    return Effect(_settled(after), order.held, -order.held, ())


def _settled(order: Order) -> Order:
    """The order with the state and the due moment that follow from its amounts."""
    moments = [moment for moment in (order.expires_at if order.held else None, _default_at(order)) if moment]
    return msgspec.structs.replace(order, status=_status(order), due_at=min(moments, default=None))


def _status(order: Order) -> str:
    if order.captured == 0:
        if order.held:
            return "authorized"
        return "expired" if order.status == "expired" else "voided"
    if order.borne_by is not None and order.unpaid:
        return "defaulted"
    if order.held:
        return "partially_captured"
    if order.unpaid:
        return "captured"
    return "returned" if order.returned == order.captured else "repaid"


def _default_at(order: Order) -> datetime | None:
    """When an unpaid order becomes a default; None when it cannot, or already has and nothing was advanced since."""
    return order.default_at if order.unpaid and (order.borne_by is None or order.receivable) else None


def _bearer_account(bearer: str | None) -> str:
    return {"store": "store_balance", "platform": "loss", "funding_partner": "funding_partner"}[
        bearer or "platform"
    ]


def _nonzero(*postings: Posting) -> tuple[Posting, ...]:
    """The postings that move something, one per account."""
    merged: dict[str, int] = {}
    for account, amount in postings:
        if amount:
            merged[account] = merged.get(account, 0) + amount
    return tuple((account, amount) for account, amount in merged.items() if amount)


COMMANDS: dict[str, Callable[..., Effect | Refusal | None]] = {
    "capture": capture,
    "void": void,
    "expire": expire,
    "repay": repay,
    "return": give_back,
    "default": default,
}
"""The commands by the verb they have in the interface, the database and the docs."""
