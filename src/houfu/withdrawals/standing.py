"""Where stores stand when they ask for their money: what preview and request load, and how an accepted request
changes it for the next one of the same batch."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.ledger.journal import Books
from houfu.lines.actions import LineView
from houfu.lines.line import Line
from houfu.policy.document import Policy
from houfu.policy.periods import full_months, midnight
from houfu.policy.terms import Hours24
from houfu.withdrawals.account import Account, Destination, Earlier, History
from houfu.withdrawals.sums import HOURS_24
from houfu.withdrawals.terms import WithdrawalTerms

_SQL = load(__package__)
_STANDINGS = _SQL["standings"]
_PAYEES = _SQL["payees"]

_DAYS_OF_24_HOURS: Final = 2
"""Where clocks go forward, 24 hours ago may be the day before yesterday."""
_NO_RULE: Final = Hours24()
"""Nothing is asked of the last 24 hours."""


class Standing(msgspec.Struct, frozen=True):
    """A store that asks. `books` is None where it was never assessed: then it has no balance."""

    account: Account
    history: History
    books: Books | None


class Payee(msgspec.Struct, frozen=True, gc=False):
    """A bank account of a store: where to pay, whether somebody vouches for it, and when it last became another."""

    holder: str
    number: str
    bank_code: str
    verified: bool
    changed_at: datetime | None


def destination_of(payee: Payee | None) -> Destination:
    """What the checks ask of a bank account that was named; None: there is none of that id."""
    if payee is None:
        return Destination(known=False)
    return Destination(verified=payee.verified, changed_at=payee.changed_at)


async def load_standings(
    connection: Connection,
    store_ids: Sequence[str],
    *,
    lines: Mapping[str, Line | LineView],
    policy: Policy,
    terms: WithdrawalTerms,
    now: datetime,
) -> dict[str, Standing]:
    """The standing of each store that is known. `lines` are those of the stores that have one, as of `now`."""
    clause, today = terms.clause, terms.local(now).date()
    rows = await connection.fetch(
        _STANDINGS,
        store_ids,
        now,
        today,
        midnight(date(today.year, 1, 1), policy.zone),
        today - timedelta(days=max(clause.large_wait_days, _DAYS_OF_24_HOURS)),
        clause.large_share_bp,
        now - HOURS_24 if clause.hours_24 != _NO_RULE else None,
    )
    standings: dict[str, Standing] = {}
    for (
        store_id,
        opened_on,
        frozen,
        high_risk,
        asked_before,
        year_total,
        day_count,
        day_amount,
        large_on,
        hours_24_at,
        hours_24_amounts,
        currency,
        seq,
        head,
        balance,
        liability,
    ) in rows:
        line = lines.get(store_id)
        is_open = line is not None and line.status == "open"
        standings[store_id] = Standing(
            Account(
                withdrawable=balance or 0,
                liability=liability or 0,
                frozen=frozen,
                abnormal=high_risk or (line is not None and line.status == "suspended"),
                limit_total=0 if line is None else line.total,
                limit_available=line.available if line is not None and is_open else 0,
                months_open=full_months(opened_on, today),
            ),
            History(
                # Whether there was any before is all the fee asks (D2): counting them would cost more each year.
                prior_count=int(asked_before),
                prior_year_total=year_total,
                day_count=day_count,
                day_amount=day_amount,
                last_large_on=large_on,
                hours_24=tuple(sorted(map(Earlier, hours_24_at or (), hours_24_amounts or ()))),
            ),
            None if currency is None else Books(store_id, currency, seq, head),
        )
    return standings


async def load_payees(
    connection: Connection, named: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Payee]:
    """The bank accounts of (store, bank account id) that exist."""
    rows = await connection.fetch(
        _PAYEES, [store_id for store_id, _ in named], [account_id for _, account_id in named]
    )
    return {(row[0], row[1]): Payee(*row[2:]) for row in rows}
