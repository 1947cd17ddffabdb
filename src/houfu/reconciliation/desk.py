"""Where the bank's reports are taken in, with reconciliation behind it: a statement is compared with the books."""

from collections.abc import Callable, Sequence
from datetime import datetime

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection
from houfu.iso20022.message import Statement
from houfu.payouts.reports import Desk
from houfu.payouts.settling import BankAnswer
from houfu.policy.book import PolicyBook
from houfu.reconciliation.actions import take_up_statement
from houfu.withdrawals.terms import withdrawal_terms


def desk_of(book: Callable[[], PolicyBook], calendar: Callable[[], Calendar], ids: IdMaker) -> Desk:
    """The desk of an installation whose policies and calendar are those of the moment."""

    async def take_up(
        connection: Connection, statement: Statement, *, rail: str, report_sha: bytes, now: datetime
    ) -> Sequence[BankAnswer]:
        taken = await take_up_statement(
            connection,
            statement,
            rail=rail,
            report_sha=report_sha,
            calendar=calendar(),
            ids=ids,
            now=now,
        )
        return taken.news

    return Desk(take_up, terms_at=lambda now: withdrawal_terms(book().at(now).terms), ids=ids)
