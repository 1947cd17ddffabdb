"""Where a store is paid out to. The number is only ever shown masked."""

from datetime import datetime

import msgspec


class BankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a bank; `number` is its digits."""

    store_id: str
    bank_account_id: str
    holder: str
    number: str
    bank_code: str
    recorded_at: datetime
    updated_at: datetime


def masked(number: str) -> str:
    """The number with all but its last four digits hidden."""
    return "*" * (len(number) - 4) + number[-4:]
