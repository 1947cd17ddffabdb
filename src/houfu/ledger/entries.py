"""Which entries of a store: what lists, exports and statements choose by.

An entry is a posting as its store reads it: `amount` is positive where the account's balance grew.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

ORDER_KINDS: Final = frozenset({"capture", "repay", "return", "default"})
"""Kinds of journals that are about an order; every other is about a withdrawal."""

SEQ_MAX: Final = 2**63 - 1
"""The largest count or amount the books can hold."""
EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(3001, 1, 1, tzinfo=UTC))
"""Moments around every journal."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the chart. Its balance grows by debits where `grows_by_debit`, else by credits."""

    name: str
    grows_by_debit: bool
    merchant_visible: bool
    name_zh: str
    name_en: str


class EntryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries of a store; whatever is None leaves all in.

    `occurred_from` is included, `occurred_before` is not; journals from `journal_from` to `journal_to` are both included, and
    so are amounts, without their sign and in minor units, from `amount_min` to `amount_max`.
    """

    store_id: str
    account: str | None = None
    kind: str | None = None
    order_id: str | None = None
    occurred_from: datetime | None = None
    occurred_before: datetime | None = None
    journal_from: int | None = None
    journal_to: int | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    only_merchant_visible: bool = False

    @property
    def by_time(self) -> bool:
        """Whether moments bound it."""
        return self.occurred_from is not None or self.occurred_before is not None

    @property
    def sparse(self) -> bool:
        """Whether what it leaves out may lie between what it leaves in, wherever one begins to look."""
        return any(
            part is not None for part in (self.account, self.kind, self.amount_min, self.amount_max)
        ) or (self.by_time and (self.journal_from is not None or self.journal_to is not None))

    def accounts(self, chart: Collection[Account]) -> list[str]:
        """The accounts it shows."""
        return [
            account.name
            for account in chart
            if (account.merchant_visible or not self.only_merchant_visible)
            and self.account in {None, account.name}
        ]

    def bounds(self) -> tuple[datetime, datetime, int, int, int, int]:
        """Moments, journals and amounts that it lies between, the second moment alone excluded."""
        return (
            self.occurred_from or EVER[0],
            self.occurred_before or EVER[1],
            self.journal_from or 0,
            SEQ_MAX if self.journal_to is None else self.journal_to,
            self.amount_min or 0,
            SEQ_MAX if self.amount_max is None else self.amount_max,
        )


def prefix_of(kind: str) -> str:
    """The prefix of the public id of what a journal of this kind is about."""
    return "auth" if kind in ORDER_KINDS else "wd"


def words_of(chart: Collection[Account], language: str) -> Mapping[str, str]:
    """The accounts' names in a language."""
    return {account.name: account.name_en if language == "en" else account.name_zh for account in chart}
