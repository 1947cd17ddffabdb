"""The customer's account as the bank keeps it: movements by working day, and what each payment leaves in it."""

from collections import defaultdict
from datetime import date, datetime
from typing import Final

from houfu.bank.reasons import PAYMENT_WORDS
from houfu.bank.report import identifier
from houfu.iso20022.message import Entry, Party, Statement, Transfer, TransferStatus

CURRENCY: Final = "CNY"


class Passbook:
    """The account of `account`, with `opening` fen on it before the first movement. It may be overdrawn."""

    def __init__(self, account: Party, opening: int) -> None:
        self._account = account
        self._opening = opening
        self._entries: defaultdict[date, list[Entry]] = defaultdict(list)
        self._nets: defaultdict[date, int] = defaultdict(int)

    def book(self, entry: Entry) -> None:
        """Put a movement on its day."""
        self._entries[entry.booked_on].append(entry)
        self._nets[entry.booked_on] += entry.amount if entry.credit else -entry.amount

    def opening(self, day: date) -> int:
        """What the account holds before the movements of `day`, fen; negative where it is overdrawn."""
        return self._opening + sum(net for booked_on, net in self._nets.items() if booked_on < day)

    def statement(self, day: date, *, seed: str, at: datetime) -> Statement:
        """The statement of `day`, made at `at`. Without movements it still says what the account holds."""
        opening = self.opening(day)
        number = self._account.number
        return Statement(
            message_id=identifier(seed, "statement", number, day.isoformat()),
            statement_id=f"{day:%Y%m%d}-{number[-8:]}",
            created_at=at,
            account_number=number,
            currency=CURRENCY,
            day=day,
            opening=opening,
            closing=opening + self._nets.get(day, 0),
            entries=tuple(self._entries.get(day, ())),
        )


def debit(transfer: Transfer, day: date, reference: str) -> Entry:
    """A payment, booked."""
    return Entry(
        reference=reference,
        amount=transfer.amount,
        credit=False,
        booked_on=day,
        end_to_end_id=transfer.end_to_end_id,
        counterparty_name=transfer.creditor.name,
        counterparty_number=transfer.creditor.number,
        return_reason=None,
        words=transfer.remittance or None,
    )


def returned(transfer: Transfer, day: date, reference: str, code: str) -> Entry:
    """A booked payment, come back."""
    return Entry(
        reference=reference,
        amount=transfer.amount,
        credit=True,
        booked_on=day,
        end_to_end_id=transfer.end_to_end_id,
        counterparty_name=transfer.creditor.name,
        counterparty_number=transfer.creditor.number,
        return_reason=code,
        words=PAYMENT_WORDS[code],
    )


def deposited(account: Party, amount: int, day: date, reference: str) -> Entry:
    """Money that the account's owner brought in."""
    return Entry(
        reference=reference,
        amount=amount,
        credit=True,
        booked_on=day,
        end_to_end_id=None,
        counterparty_name=account.name,
        counterparty_number=None,
        return_reason=None,
        words="资金存入",
    )


def rejected(end_to_end_id: str, code: str, reference: str) -> TransferStatus:
    """A payment that is not made."""
    return TransferStatus(
        end_to_end_id=end_to_end_id,
        status="RJCT",
        reason=code,
        words=PAYMENT_WORDS[code],
        bank_reference=reference,
    )
