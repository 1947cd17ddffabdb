"""A withdrawal's life: its states, what each command does in each of them, and when the worker acts.

    scheduled --dispatch--> in_transit --confirm--> paid --return--> failed
        |     <--release---      +------reject----> failed
        +------cancel-----> canceled
    refused: never left the check

A command that comes twice changes nothing the second time, so that a worker may repeat after a crash and a bank
may answer twice.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from houfu.core.calendar import local_moment, next_time
from houfu.core.reason import Reason, Refusal
from houfu.ledger.journal import Posting, reversal
from houfu.withdrawals.cautions import Caution
from houfu.withdrawals.terms import WithdrawalTerms


class Status(StrEnum):
    """Where a withdrawal stands."""

    SCHEDULED = "scheduled"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELED = "canceled"


class Command(StrEnum):
    """What can happen to a withdrawal."""

    DISPATCH = "dispatch"
    """It goes into a payout batch, and with it to the bank."""
    RELEASE = "release"
    """Its batch was turned down before it went to the bank: it waits for the next one."""
    CONFIRM = "confirm"
    """The bank has paid it."""
    REJECT = "reject"
    """The bank will not pay it: the money goes back to the store, nothing is taken (D5)."""
    RETURN = "return"
    """The bank had paid it and the money came back: it goes back to the store."""
    CANCEL = "cancel"
    """The store takes its request back."""


OPEN: Final = frozenset({Status.SCHEDULED, Status.IN_TRANSIT})
"""States from which a withdrawal still moves: its money has left the balance and is not paid yet."""

COUNTED: Final = OPEN | {Status.PAID}
"""States that count as a withdrawal of the store: for the free first one (D2) and the day's limits (D6 to D8)."""

TRANSITIONS: Final[Mapping[Status, Mapping[Command, Status | Reason]]] = MappingProxyType(
    {
        Status.SCHEDULED: {
            Command.DISPATCH: Status.IN_TRANSIT,
            Command.RELEASE: Status.SCHEDULED,
            Command.CONFIRM: Reason.WITHDRAWAL_NOT_SENT,
            Command.REJECT: Reason.WITHDRAWAL_NOT_SENT,
            Command.RETURN: Reason.WITHDRAWAL_NOT_SENT,
            Command.CANCEL: Status.CANCELED,
        },
        Status.IN_TRANSIT: {
            Command.DISPATCH: Status.IN_TRANSIT,
            Command.RELEASE: Status.SCHEDULED,
            Command.CONFIRM: Status.PAID,
            Command.REJECT: Status.FAILED,
            Command.RETURN: Reason.WITHDRAWAL_IN_TRANSIT,
            Command.CANCEL: Reason.WITHDRAWAL_IN_TRANSIT,
        },
        Status.PAID: {
            Command.DISPATCH: Reason.WITHDRAWAL_CLOSED,
            Command.RELEASE: Reason.WITHDRAWAL_CLOSED,
            Command.CONFIRM: Status.PAID,
            Command.REJECT: Reason.WITHDRAWAL_CLOSED,
            Command.RETURN: Status.FAILED,
            Command.CANCEL: Reason.WITHDRAWAL_CLOSED,
        },
        Status.FAILED: {
            Command.DISPATCH: Reason.WITHDRAWAL_CLOSED,
            Command.RELEASE: Reason.WITHDRAWAL_CLOSED,
            Command.CONFIRM: Reason.WITHDRAWAL_CLOSED,
            Command.REJECT: Status.FAILED,
            Command.RETURN: Status.FAILED,
            Command.CANCEL: Reason.WITHDRAWAL_CLOSED,
        },
        Status.REFUSED: dict.fromkeys(Command, Reason.WITHDRAWAL_CLOSED),
        Status.CANCELED: {
            Command.DISPATCH: Reason.WITHDRAWAL_CLOSED,
            Command.RELEASE: Reason.WITHDRAWAL_CLOSED,
            Command.CONFIRM: Reason.WITHDRAWAL_CLOSED,
            Command.REJECT: Reason.WITHDRAWAL_CLOSED,
            Command.RETURN: Reason.WITHDRAWAL_CLOSED,
            Command.CANCEL: Status.CANCELED,
        },
    }
)


class Withdrawal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A withdrawal as it is recorded. Amounts in minor units; a refused one costs and moves nothing.

    `holder`, `number` and `bank_code` are the bank account as it was when asked: a later change of the account
    moves no payout. `facts` are the figures that the wording of `reason` names. `returned` went back to the balance when it failed or was canceled. `batch_id` and `file_number` say
    what carries the payment to the bank; `bank_reason` and `bank_words` why the bank did not pay, or why the money
    came back; `booked_on` and `came_back_on` are the bank's days.
    """

    store_id: str
    id: str
    status: Status
    reason: Reason | None = None
    currency: str
    amount: int
    fee: int = 0
    fee_rule: str | None = None
    liability_collected: int = 0
    net: int = 0
    returned: int = 0
    bank_account_id: str
    holder: str | None = None
    number: str | None = None
    bank_code: str | None = None
    warnings: tuple[Caution, ...] = ()
    facts: dict[str, str] = {}
    limit_total: int
    author: str
    asked_at: datetime
    asked_on: date
    arrives_on: date | None = None
    latest_on: date | None = None
    due_at: datetime | None = None
    journal_seq: int | None = None
    paid_seq: int | None = None
    batch_id: str | None = None
    file_number: int | None = None
    bank_reference: str | None = None
    bank_reason: str | None = None
    bank_words: str | None = None
    booked_on: date | None = None
    came_back_on: date | None = None
    paid_at: datetime | None = None
    failed_at: datetime | None = None
    canceled_at: datetime | None = None
    canceled_by: str | None = None


INQUIRY_TIME: Final = time(10)
"""When, local, the worker asks the bank what became of a payout: by then the bank has booked the day's payments."""


def step(status: Status, command: Command) -> Status | Refusal:
    """The status after the command, which may be the same one, or why the command cannot be taken."""
    after = TRANSITIONS[status][command]
    return Refusal(after) if isinstance(after, Reason) else after


def reserving(amount: int, *, fee: int, liability_collected: int, net: int) -> tuple[Posting, ...]:
    """The postings of a request: the amount leaves the balance, the store's liability is collected first (A10)."""
    postings = (
        ("store_balance", amount),
        ("store_liability", -liability_collected),
        ("fee_income", -fee),
        ("payout_clearing", -net),
    )
    return tuple(posting for posting in postings if posting[1])


def paying(net: int) -> tuple[Posting, ...]:
    """The postings of a payment: what was on its way has left the bank."""
    return (("payout_clearing", net), ("bank", -net))


def coming_back(net: int) -> tuple[Posting, ...]:
    """The postings of a payment that came back: the bank has it again, and it is on no way any more."""
    return tuple(reversal(paying(net)))


def charging(fee: int) -> tuple[Posting, ...]:
    """The postings of a fee that stays charged although the payment failed (D5), after all else went back."""
    return (("store_balance", fee), ("fee_income", -fee))


def dispatch_at(terms: WithdrawalTerms, asked_at: datetime) -> datetime:
    """When a withdrawal goes to the bank: as the day's window closes (D3); until then it can be canceled."""
    return terms.closed.next_closing(terms.local(asked_at))


def first_inquiry_at(terms: WithdrawalTerms, arrives_on: date) -> datetime:
    """When the worker first asks the bank: on the day the money is expected."""
    return local_moment(arrives_on, INQUIRY_TIME, terms.zone)


def next_inquiry_at(terms: WithdrawalTerms, now: datetime) -> datetime:
    """When the worker asks again after an answer of "pending": at the next day's hour."""
    return next_time(INQUIRY_TIME, terms.local(now))
