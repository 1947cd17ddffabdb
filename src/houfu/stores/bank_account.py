"""Where a store is paid out to. The number is only ever shown masked.

Whoever takes a store over would first have its money sent elsewhere. So a programme may ask that somebody other than
the store vouches for an account, and that an account that was changed rests for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import msgspec


class BankAccountUnknown(LookupError):
    """The store has no bank account of that id."""


class BankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a bank; `number` is its digits.

    `verified_by` vouched for it at `verified_at`; None while nobody but the store itself does. `changed_at` is when
    holder, number or bank last became others; None while they are the first.
    """

    store_id: str
    bank_account_id: str
    holder: str
    number: str
    bank_code: str
    recorded_at: datetime
    updated_at: datetime
    verified_at: datetime | None = None
    verified_by: str | None = None
    changed_at: datetime | None = None


class AccountTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a bank account before money goes to it: that somebody vouches for it, and that it rests for so
    many hours after a change. A programme that does not say asks for neither."""

    verified: bool = False
    cooling_hours: Annotated[int, msgspec.Meta(ge=0, le=720)] = 0

    def rests_until(self, changed_at: datetime | None) -> datetime | None:
        """The moment from which a changed account has rested enough; None where it need not rest."""
        if changed_at is None or self.cooling_hours == 0:
            return None
        return changed_at + timedelta(hours=self.cooling_hours)

    def usable_from(self, account: BankAccount) -> datetime | None:
        """From when money can go to the account; None while it waits for somebody to vouch for it."""
        if self.verified and account.verified_at is None:
            return None
        vouched = account.verified_at if self.verified else None
        moments = (account.recorded_at, vouched, self.rests_until(account.changed_at))
        return max(moment for moment in moments if moment is not None)


@dataclass(frozen=True, slots=True)
class AccountTermsAt:
    """The terms of bank accounts in force at a moment."""

    at: Callable[[datetime], AccountTerms]


def masked(number: str) -> str:
    """The number with all but its last four digits hidden."""
    return "*" * (len(number) - 4) + number[-4:]
