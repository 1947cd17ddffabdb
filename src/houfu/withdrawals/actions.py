"""Withdrawals: previewing, asking, taking back, and looking them up. What time does to them is in `payouts.py`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import msgspec

from houfu.core.calendar import Calendar
from houfu.core.ids import IdMaker, microseconds_of, parse_public_id
from houfu.core.money import MAX_AMOUNT
from houfu.core.reason import Language, Refusal
from houfu.db.idempotency import FirstAnswer, recall, remember
from houfu.db.queries import load
from houfu.db.tx import CONFLICT, Connection
from houfu.lines import actions as lines
from houfu.policy.document import Policy
from houfu.stores.store import StoreUnknown
from houfu.withdrawals import preview as judging
from houfu.withdrawals.ask import (
    PREFIX,
    Answer,
    Ask,
    Cancel,
    PreviewView,
    Trouble,
    WithdrawalView,
    preview_view,
    withdrawal_view,
)
from houfu.withdrawals.batch import (
    Batch,
    answered,
    asking,
    replayed,
    wording_facts,
)
from houfu.withdrawals.preview import check_amount
from houfu.withdrawals.settlement import Ending, end_withdrawals, lock_lines, withdrawal_of
from houfu.withdrawals.standing import destination_of, load_payees, load_standings
from houfu.withdrawals.terms import withdrawal_terms
from houfu.withdrawals.withdrawal import Command, Status

_SQL = load(__package__)

ASKS_MAX: Final = 1_000
"""Requests in one batch."""
CONFLICTS_MAX: Final = 5
"""How often a transaction is tried anew when another process was faster."""


_IDS_APART: Final = timedelta(hours=1)
"""More than an id's moment and that of its withdrawal ever lie apart."""


class WithdrawalUnknown(LookupError):
    """There is no such withdrawal."""


def place_of_id(id: str) -> tuple[str, str]:
    """The (store id, hex id) that a withdrawal's public id names. WithdrawalUnknown where it is none."""
    place = parse_public_id(PREFIX, id)
    if place is None:
        raise WithdrawalUnknown(id)
    return place


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which withdrawals to list: of one store or all, in one status, asked from a moment on, before another, of amounts
    between two, both included."""

    store_id: str | None = None
    status: Status | None = None
    asked_from: datetime | None = None
    asked_before: datetime | None = None
    amount_min: int | None = None
    amount_max: int | None = None

    def ids(self) -> tuple[str, str]:
        """The lowest and the highest hex id of what was asked in that time: ids begin with the moment they were made."""
        first, last = "0" * 32, "f" * 32
        if self.asked_from is not None:
            first = f"{microseconds_of(self.asked_from - _IDS_APART) // 1000:012x}".ljust(32, "0")
        if self.asked_before is not None:
            last = f"{microseconds_of(self.asked_before + _IDS_APART) // 1000:012x}".ljust(32, "f")
        return first, last


async def preview(
    connection: Connection,
    *,
    store_id: str,
    amount: int,
    bank_account_id: str | None,
    policy: Policy,
    calendar: Calendar,
    language: Language = "zh",
    now: datetime,
) -> PreviewView:
    """What withdrawing `amount` would come to now; nothing is locked or recorded.

    Without a bank account that check is left out. Raises StoreUnknown, and ValueError as the pure preview does.
    """
    terms = withdrawal_terms(policy.terms)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        try:
            line = {store_id: await lines.view(connection, store_id, policy=policy, now=now)}
        except lines.LineUnknown:
            line = dict[str, lines.LineView]()
        standings = await load_standings(
            connection, [store_id], lines=line, policy=policy, terms=terms, now=now
        )
        named = [] if bank_account_id is None else [(store_id, bank_account_id)]
        payees = await load_payees(connection, named)
    standing = standings.get(store_id)
    if standing is None:
        raise StoreUnknown(store_id)
    seen = judging.preview(
        asking(policy, terms, calendar, now=now),
        standing.account,
        standing.history,
        amount=amount,
        destination=None
        if bank_account_id is None
        else destination_of(payees.get((store_id, bank_account_id))),
    )
    return preview_view(
        seen,
        store_id=store_id,
        amount=amount,
        currency=policy.terms.currency if standing.books is None else standing.books.currency,
        language=language,
        facts=wording_facts(terms),
    )


async def request(
    connection: Connection, ask: Ask, *, policy: Policy, calendar: Calendar, ids: IdMaker, now: datetime
) -> Answer | Trouble:
    """Ask for one withdrawal: a batch of one."""
    return (await request_many(connection, [ask], policy=policy, calendar=calendar, ids=ids, now=now))[0]


async def request_many(
    connection: Connection,
    asks: Sequence[Ask],
    *,
    policy: Policy,
    calendar: Calendar,
    ids: IdMaker,
    now: datetime,
) -> list[Answer | Trouble]:
    """Ask for withdrawals, in order of arrival and in one transaction; an answer for each, in that order.

    Raises ValueError for more than ASKS_MAX or an amount outside 1..2^53-1; then, and when the database fails,
    nothing is written.
    """
    if len(asks) > ASKS_MAX:
        raise ValueError(f"asks: {len(asks)} are more than {ASKS_MAX}")
    for ask in asks:
        check_amount(ask.amount)
    for attempt in range(1, CONFLICTS_MAX + 1):
        try:
            return await carry_out(connection, asks, policy=policy, calendar=calendar, ids=ids, now=now)
        except CONFLICT:
            if attempt == CONFLICTS_MAX:
                raise
    raise AssertionError("unreachable")


async def carry_out(
    connection: Connection,
    commands: Sequence[Ask | Cancel],
    *,
    policy: Policy,
    calendar: Calendar,
    ids: IdMaker,
    now: datetime,
) -> list[Answer | Trouble]:
    """Carry out commands in order of arrival, in one transaction; an answer for each, in that order.

    Whatever raises, nothing is written. CONFLICT where another process was faster.
    """
    answers: list[Answer | Trouble] = []
    async with connection.transaction():
        turns = [(kind, list(turn)) for kind, turn in groupby(commands, type)]
        if len(turns) > 1:
            # All at once, so that no turn waits for a line while those before it hold theirs.
            await lock_lines(connection, list({command.store_id for command in commands}))
        for _, turn in turns:
            batch = Batch(policy=policy, calendar=calendar, ids=ids, now=now)
            if asks := [command for command in turn if isinstance(command, Ask)]:
                await batch.load(connection, asks)
                answers += [batch.decide(ask) for ask in asks]
                await batch.record(connection)
            for command in turn:
                if isinstance(command, Cancel):
                    answers.append(
                        await _cancel(connection, command, policy=policy, calendar=calendar, now=now)
                    )
    return answers


async def cancel(
    connection: Connection, command: Cancel, *, policy: Policy, calendar: Calendar, now: datetime
) -> Answer | Trouble:
    """Take a scheduled withdrawal back: amount, fee and collected liability all return. Once it has gone to the bank
    it is refused with its reason."""
    for attempt in range(1, CONFLICTS_MAX + 1):
        try:
            async with connection.transaction():
                return await _cancel(connection, command, policy=policy, calendar=calendar, now=now)
        except CONFLICT:
            if attempt == CONFLICTS_MAX:
                raise
    raise AssertionError("unreachable")


async def _cancel(
    connection: Connection, command: Cancel, *, policy: Policy, calendar: Calendar, now: datetime
) -> Answer | Trouble:
    await lock_lines(connection, [command.store_id])
    at = (command.store_id, command.key)
    if first := (await recall(connection, [at])).get(at):
        return replayed(first, command.request_sha)
    ending = Ending(
        store_id=command.store_id, id=command.id, command=Command.CANCEL, at=now, author=command.author
    )
    outcome = (await end_withdrawals(connection, [ending], now=now))[0]
    if outcome is None:
        return Trouble("withdrawal_unknown")
    row = await connection.fetchrow(_SQL["read_withdrawal"], command.store_id, command.id)
    assert row is not None  # noqa: S101 (it is locked)
    view = withdrawal_view(
        withdrawal_of(row),
        language=command.language,
        facts=wording_facts(withdrawal_terms(policy.terms)),
        calendar=calendar,
        refused=outcome.reason if isinstance(outcome, Refusal) else None,
    )
    answer = answered(200, view)
    first = FirstAnswer(command.request_sha, answer.status, answer.body)
    await remember(connection, {at: first}, now=now)
    return answer


async def withdrawal(
    connection: Connection,
    store_id: str,
    id: str,
    *,
    policy: Policy,
    calendar: Calendar,
    language: Language = "zh",
) -> WithdrawalView:
    """The withdrawal of that hex id. WithdrawalUnknown where there is none."""
    row = await connection.fetchrow(_SQL["read_withdrawal"], store_id, id)
    if row is None:
        raise WithdrawalUnknown(id)
    return withdrawal_view(
        withdrawal_of(row),
        language=language,
        facts=wording_facts(withdrawal_terms(policy.terms)),
        calendar=calendar,
    )


async def withdrawals(
    connection: Connection,
    chosen: Filter,
    *,
    after: tuple[str, str] | None,
    limit: int,
    policy: Policy,
    calendar: Calendar,
    language: Language = "zh",
) -> list[WithdrawalView]:
    """Withdrawals, newest first; `after` is the (store id, hex id) where the page before ended."""
    store_id, id = after or (None, None)
    filters = (chosen.status, chosen.asked_from, chosen.asked_before)
    bounds = (*chosen.ids(), chosen.amount_min or 0, chosen.amount_max or MAX_AMOUNT)
    if chosen.store_id is not None:
        rows = await connection.fetch(
            _SQL["withdrawals_of_store"], *filters, id, limit, chosen.store_id, *bounds
        )
    else:
        rows = await connection.fetch(_SQL["withdrawals_of_all"], *filters, id, store_id, limit, *bounds)
    facts = wording_facts(withdrawal_terms(policy.terms))
    return [
        withdrawal_view(withdrawal_of(row), language=language, facts=facts, calendar=calendar) for row in rows
    ]
