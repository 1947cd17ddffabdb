"""The messages between Houfu and a bank, as ISO 20022 means them: nouns only, whatever the version of their XML.

Amounts are minor units, always positive; `credit` says whether money came or went, as the account's owner sees it.
"""

from dataclasses import dataclass
from datetime import date, datetime

import msgspec


class MessageRefused(ValueError):
    """A file that is not taken, whole: what is wrong with it, in words. Nothing of it was used."""


class Party(msgspec.Struct, frozen=True, gc=False):
    """An account and whose it is. `bank_code` is the bank's CNAPS code, or what the bank is known by."""

    name: str
    number: str
    bank_code: str


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """One payment to a creditor. `end_to_end_id` (up to 35 characters) stays with it from end to end."""

    end_to_end_id: str
    amount: int
    creditor: Party
    remittance: str


class PaymentGroup(msgspec.Struct, frozen=True, gc=False):
    """Payments of a file to one bank, on one day."""

    group_id: str
    execution_on: date
    transfers: tuple[Transfer, ...]


class PaymentFile(msgspec.Struct, frozen=True, gc=False):
    """A pain.001: payments out of one account, in one currency. `message_id` (up to 35 characters) names it."""

    message_id: str
    created_at: datetime
    debtor: Party
    currency: str
    groups: tuple[PaymentGroup, ...]


class TransferStatus(msgspec.Struct, frozen=True, gc=False):
    """What the bank says of one payment: `status` is ACCP, ACSP, ACSC, PDNG or RJCT; `reason` an ISO external code such
    as AC04, with the bank's own words beside it."""

    end_to_end_id: str
    status: str
    reason: str | None = None
    words: str | None = None
    bank_reference: str | None = None


class StatusReport(msgspec.Struct, frozen=True, gc=False):
    """A pain.002. `group_status` (ACTC, ACCP, ACSP, ACSC, PART, PDNG, RJCT) speaks of the whole file of that message id;
    None where only single payments are spoken of. `reason` and `words` are those of the whole file."""

    message_id: str
    created_at: datetime
    original_message_id: str
    group_status: str | None
    reason: str | None
    words: str | None
    statuses: tuple[TransferStatus, ...]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A booked movement of the account: one line of a notification or statement. An entry that books several
    payments at once is given as several, whose sum is the entry's.

    `reference` is the bank's for the movement and never repeats within the account. `return_reason` is set where
    a payment came back after it had been booked.
    """

    reference: str
    amount: int
    credit: bool
    booked_on: date
    end_to_end_id: str | None
    counterparty_name: str | None
    counterparty_number: str | None
    return_reason: str | None
    words: str | None


@dataclass(frozen=True, slots=True)
class Notification:
    """A camt.054: movements as the bank booked them."""

    message_id: str
    created_at: datetime
    account_number: str
    currency: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A camt.053: a day of the account. `opening` and `closing` are signed: negative where the account is overdrawn.

    That opening + credits - debits = closing is proven as it is read.
    """

    message_id: str
    statement_id: str
    created_at: datetime
    account_number: str
    currency: str
    day: date
    opening: int
    closing: int
    entries: tuple[Entry, ...]


Message = PaymentFile | StatusReport | Notification | Statement
