"""The due work of withdrawals: they go to the bank as their day closes, and the bank is asked what became of them.

That a payout is on its way is committed before the bank hears of it, and the bank pays an id once: so a worker may
be killed at any point, or two may work at once, and nobody is paid twice. No transaction is open while the bank is
spoken to.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from asyncpg import Pool, Record

from houfu.core.ids import public_id
from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection
from houfu.withdrawals.ask import PREFIX
from houfu.withdrawals.bank import Bank, Paid, Payout, Pending, Rejected
from houfu.withdrawals.settlement import Ending, end_withdrawals
from houfu.withdrawals.terms import WithdrawalTerms
from houfu.withdrawals.withdrawal import Command, first_inquiry_at, next_inquiry_at

_SQL = load(__package__)
_DUE = _SQL["due"]
_NEXT_DUE = _SQL["next_due"]
_SEND = _SQL["send"]
_ACKNOWLEDGE = _SQL["acknowledge"]
_SENT_PAYOUTS = _SQL["sent_payouts"]
_PUT_OFF_INQUIRY = _SQL["put_off_inquiry"]

CHUNK: Final = 500
"""Payouts moved in one go; what is left is due still."""
CONFLICTS_MAX: Final = 5

TermsAt = Callable[[datetime], WithdrawalTerms]


class DuePayout(msgspec.Struct, frozen=True, gc=False):
    """A withdrawal the worker must look at. `unsent`: the bank has not acknowledged it yet."""

    store_id: str
    id: str
    due_at: datetime
    unsent: bool


class _Sending(msgspec.Struct, frozen=True):
    """A payout and the withdrawal it pays."""

    store_id: str
    id: str
    asked_at: datetime
    payout: Payout


class Payouts:
    """The worker's view of withdrawals. `terms_at` gives the terms in force at a moment."""

    def __init__(self, pool: "Pool[Record]", bank: Bank, *, terms_at: TermsAt) -> None:
        self._pool = pool
        self._bank = bank
        self._terms_at = terms_at

    async def run_due(self, now: datetime) -> int:
        """Move payouts that are due by `now`, up to a limit; how many moved. Zero: nothing is left to do."""
        async with self._pool.acquire() as connection:
            return await run_due(connection, self._bank, terms_at=self._terms_at, now=now)

    async def next_due(self) -> datetime | None:
        """When the next payout is due; it may be past."""
        async with self._pool.acquire() as connection:
            return await connection.fetchval(_NEXT_DUE)


async def run_due(
    connection: Connection, bank: Bank, *, terms_at: TermsAt, now: datetime, limit: int = CHUNK
) -> int:
    """Dispatch and settle what is due by `now`, at most `limit`; how many moved."""
    found = await due(connection, now=now, limit=limit)
    sent = await dispatch(connection, bank, [d for d in found if d.unsent], terms_at=terms_at, now=now)
    return sent + await settle(
        connection, bank, [d for d in found if not d.unsent], terms_at=terms_at, now=now
    )


async def due(connection: Connection, *, now: datetime, limit: int = CHUNK) -> list[DuePayout]:
    """What is due by `now`, the longest due first."""
    rows = await connection.fetch(_DUE, now, limit)
    return [DuePayout(row[0], row[1].hex, row[2], row[3]) for row in rows]


async def dispatch(
    connection: Connection, bank: Bank, found: Sequence[DuePayout], *, terms_at: TermsAt, now: datetime
) -> int:
    """Hand payouts to the bank; how many it acknowledged. Those that are no longer due are left alone.

    No money moves between accounts here, so the lines are not locked. A payout stays due until the bank's
    acknowledgement is committed: after a crash the next run hands it over again under the same id.
    """
    if not found:
        return 0
    async with connection.transaction():
        rows = await connection.fetch(_SEND, [d.store_id for d in found], [d.id for d in found], now)
    sending = [_sending_of(row) for row in rows]
    if not sending:
        return 0
    acknowledged = await bank.submit([s.payout for s in sending])
    terms = terms_at(now)
    async with connection.transaction():
        await connection.execute(
            _ACKNOWLEDGE,
            [s.store_id for s in sending],
            [s.id for s in sending],
            [a.bank_reference for _, a in zip(sending, acknowledged, strict=True)],
            [first_inquiry_at(terms, s.payout.arrives_on) for s in sending],
        )
    return len(sending)


async def settle(
    connection: Connection, bank: Bank, found: Sequence[DuePayout], *, terms_at: TermsAt, now: datetime
) -> int:
    """Ask the bank about payouts and record what it says; about how many it was asked.

    Paid and rejected ones take effect at the bank's own moment, in the order of these; the others are asked about
    again the next day. Whether a failed attempt costs its fee (D5) is what the policy said when it was asked.
    """
    if not found:
        return 0
    rows = await connection.fetch(_SENT_PAYOUTS, [d.store_id for d in found], [d.id for d in found])
    endings: list[Ending] = []
    pending: list[_Sending] = []
    sent = [_sending_of(row) for row in rows]
    for asked in sent:
        match await bank.outcome(asked.payout, now=now):
            case Paid(at):
                endings.append(_ending(asked, Command.CONFIRM, at))
            case Rejected(at=at):
                charge_fee = terms_at(asked.asked_at).clause.fee.charge_failed
                endings.append(_ending(asked, Command.REJECT, at, charge_fee=charge_fee))
            case Pending():
                pending.append(asked)
    endings.sort(key=lambda ending: (ending.at, ending.store_id, ending.id))
    if endings:
        await _end(connection, endings, now=now)
    if pending:
        ask_at = next_inquiry_at(terms_at(now), now)
        await connection.execute(
            _PUT_OFF_INQUIRY,
            [p.store_id for p in pending],
            [p.id for p in pending],
            [ask_at] * len(pending),
        )
    return len(sent)


async def _end(connection: Connection, endings: Sequence[Ending], *, now: datetime) -> None:
    for attempt in range(1, CONFLICTS_MAX + 1):
        try:
            async with connection.transaction():
                await end_withdrawals(connection, endings, now=now)
            return
        except CONFLICT:
            if attempt == CONFLICTS_MAX:
                raise


def _ending(sent: _Sending, command: Command, at: datetime, *, charge_fee: bool = False) -> Ending:
    return Ending(
        store_id=sent.store_id, id=sent.id, command=command, at=at, author="bank", charge_fee=charge_fee
    )


def _sending_of(row: Record) -> _Sending:
    """The payout in a row of `send` or `sent_payouts`."""
    store_id, id, net, currency, holder, number, bank_code, asked_at, arrives_on, latest_on = row
    return _Sending(
        store_id,
        id.hex,
        asked_at,
        Payout(
            public_id(PREFIX, id.hex, store_id),
            net,
            currency,
            holder,
            number,
            bank_code,
            arrives_on,
            latest_on,
        ),
    )
