"""What the database knows of a statement's lines."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from asyncpg import Record

from houfu.core.calendar import Calendar
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.reconciliation.breaks import Candidate, MatchKind, UnmatchedLine
from houfu.reconciliation.days import working_day_before
from houfu.reconciliation.matching import Lines, Match, Payment

_SQL = load(__package__)

DAYS_EARLY: Final = 3
DAYS_LATE: Final = 5
"""Working days that a payout without an id may be booked before and after it was expected."""
RETURN_DAYS: Final = 10
"""Working days within which a payment without an id may come back."""
SUGGESTED_MAX: Final = 2_000
"""Lines of a statement for which a payout is suggested; the ones after it have to do without."""


def payments_of(rows: Iterable[Record]) -> dict[str, Payment]:
    """What the books know, by the withdrawal's hex id."""
    return {(id := row[1].hex): Payment(row[0], id, *row[2:]) for row in map(tuple, rows)}


class Lookups:
    """Looks lines up, for the statement of a rail and day."""

    def __init__(
        self, connection: Connection, *, rail: str, day: date, currency: str, calendar: Calendar
    ) -> None:
        self._connection = connection
        self._rail = rail
        self._day = day
        self._currency = currency
        self._calendar = calendar

    async def payments(self, ids: Iterable[str]) -> Sequence[Record]:
        """The withdrawals of these hex ids, from which `payments_of` makes nouns."""
        asked = list(set(ids))
        return await self._connection.fetch(_SQL["payments"], asked) if asked else []

    async def matches_by_account(self, lines: Lines) -> dict[int, Match]:
        """Lines without an id that are the only one of their amount and account, as is a payout of these days.

        A credit is taken for one that came back only where the bank calls it a return.
        """
        debits = {n: e for n, e in lines.items() if not e.credit}
        returns = {n: e for n, e in lines.items() if e.credit and e.return_reason is not None}
        early = self._calendar.add_working_days(self._day, DAYS_EARLY)
        found = await self._by_account(debits, "payment", first=self._back(DAYS_LATE), last=early)
        return found | await self._by_account(
            returns, "return", first=self._back(RETURN_DAYS), last=self._day
        )

    async def repeated_references(self, lines: Lines, matches: Mapping[int, Match]) -> frozenset[str]:
        """The references of lines that are nobody's which statements of other days have."""
        asked = [entry.reference for number, entry in lines.items() if number not in matches]
        if not asked:
            return frozenset()
        rows = await self._connection.fetch(_SQL["repeated_references"], self._rail, asked, self._day)
        return frozenset(row["reference"] for row in rows)

    async def candidates(self, lines: Lines, unmatched: Sequence[UnmatchedLine]) -> dict[int, Candidate]:
        """The payouts that lines without a known id may be, by the line's number."""
        asked = [line for line in unmatched if line.withdrawal_id is None and not line.repeated]
        asked = asked[:SUGGESTED_MAX]
        if not asked:
            return {}
        rows = await self._connection.fetch(
            _SQL["suggest_payouts"],
            self._rail,
            self._currency,
            self._back(RETURN_DAYS),
            self._calendar.add_working_days(self._day, DAYS_EARLY),
            [line.number for line in asked],
            [line.amount for line in asked],
            [line.credit for line in asked],
            [lines[line.number].counterparty_name for line in asked],
            [lines[line.number].counterparty_number for line in asked],
        )
        return {
            row["number"]: Candidate(
                store_id=row["store_id"],
                withdrawal_id=row["withdrawal_id"].hex,
                rule=row["rule"],
                score=row["score"],
            )
            for row in rows
        }

    async def _by_account(
        self, lines: Lines, kind: MatchKind, *, first: date, last: date
    ) -> dict[int, Match]:
        asked = {n: e for n, e in lines.items() if e.counterparty_number is not None}
        if not asked:
            return {}
        rows = await self._connection.fetch(
            _SQL["payouts_by_account"],
            self._rail,
            self._currency,
            kind,
            first,
            last,
            list(asked),
            [entry.amount for entry in asked.values()],
            [entry.counterparty_number for entry in asked.values()],
        )
        return {
            row["number"]: Match(
                number=row["number"],
                store_id=row["store_id"],
                withdrawal_id=row["withdrawal_id"].hex,
                kind=kind,
                status=row["status"],
                matched_by="amount_date_name",
            )
            for row in rows
        }

    def _back(self, working_days: int) -> date:
        return working_day_before(self._calendar, self._day, count=working_days)
