"""The tray: one person says what a break is, another closes it.

Closing with a match links the line to its payout; what the bank thereby says that the books do not know is handed back.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from houfu.core.ids import public_id
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.iso20022.message import Entry
from houfu.payouts.settling import BankAnswer
from houfu.reconciliation.actions import lock_rail
from houfu.reconciliation.breaks import PREFIX, Break, BreakKind, BreakStatus
from houfu.reconciliation.closing import WORDING, Closing
from houfu.reconciliation.matching import Match, news
from houfu.reconciliation.upkeep import close_what_came

_SQL = load(__package__, "tray.sql")


class BreakUnknown(LookupError):
    """There is no such break."""


class BreakStatusUnfit(ValueError):
    """The break is not in the status that this needs."""


class ClosingUnfit(ValueError):
    """The reason cannot close such a break, or the match cannot be: in words. `field` is which of them."""

    def __init__(self, field: Literal["reason", "withdrawal_id"], words: str) -> None:
        super().__init__(words)
        self.field = field


class OwnProposal(ValueError):
    """Whoever proposed may not close it."""


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A break that was closed, and what its match says that the books do not know yet."""

    closed: Break
    news: tuple[BankAnswer, ...]


class BreakMove(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did to a break."""

    number: int
    move: str
    author: str
    reason: str | None
    note: str | None
    moved_at: datetime


async def breaks(
    connection: Connection,
    *,
    status: BreakStatus | None = None,
    rail: str | None = None,
    kind: BreakKind | None = None,
    day: date | None = None,
    before: str | None = None,
    limit: int,
) -> list[Break]:
    """The breaks, newest first; `before` is the id where the page before ended."""
    rows = await connection.fetch(_SQL["breaks"], status, rail, kind, day, before, limit)
    return [_break(dict(row)) for row in rows]


async def break_of(connection: Connection, break_id: str) -> Break:
    """The break. BreakUnknown where there is none."""
    row = await connection.fetchrow(_SQL["break"], break_id)
    if row is None:
        raise BreakUnknown(f"there is no break {break_id}")
    return _break(dict(row))


async def moves(connection: Connection, break_id: str) -> list[BreakMove]:
    """What was done to the break, in order."""
    rows = await connection.fetch(_SQL["moves"], break_id)
    return [msgspec.convert(dict(row), BreakMove) for row in rows]


async def propose(
    connection: Connection,
    break_id: str,
    *,
    reason: Closing,
    note: str,
    match: tuple[str, str] | None,
    author: str,
    now: datetime,
) -> Break:
    """Say why the break can be closed, in the caller's transaction. `match`: the store and the hex id of the payout that
    its line is, with the reason matched_by_hand and no other.

    BreakUnknown, BreakStatusUnfit where it is not open, ClosingUnfit.
    """
    found = await _locked(connection, break_id, "open")
    if found.kind not in WORDING[reason].kinds:
        raise ClosingUnfit("reason", f"{reason} cannot close a break of the kind {found.kind}")
    if (match is not None) != (reason is Closing.MATCHED_BY_HAND):
        raise ClosingUnfit(
            "withdrawal_id", f"a payout belongs to the reason {Closing.MATCHED_BY_HAND}, and to no other"
        )
    if match is not None:
        await _must_fit(connection, found, match)
    store_id, withdrawal_id = match or (None, None)
    await connection.execute(_SQL["propose"], break_id, reason, note, store_id, withdrawal_id, author, now)
    return await break_of(connection, break_id)


async def decline(connection: Connection, break_id: str, *, note: str, author: str, now: datetime) -> Break:
    """Take a proposal off the break, in the caller's transaction: it is open again. Who proposed it may, too.

    BreakUnknown, BreakStatusUnfit where nothing is proposed.
    """
    await _locked(connection, break_id, "proposed")
    await connection.execute(_SQL["decline"], break_id, author, note, now)
    return await break_of(connection, break_id)


async def close(connection: Connection, break_id: str, *, author: str, now: datetime) -> Closed:
    """Close the break as another person proposed, in the caller's transaction.

    BreakUnknown, BreakStatusUnfit where nothing is proposed, OwnProposal, ClosingUnfit where its match became impossible.
    """
    found = await _locked(connection, break_id, "proposed")
    if found.proposed_by == author:
        raise OwnProposal(f"{author} proposed it: another person closes it")
    told: tuple[BankAnswer, ...] = ()
    if found.matched_withdrawal_id is not None:
        payout = _pair(found.matched_withdrawal_id)
        await _must_fit(connection, found, payout)
        await connection.execute(_SQL["match_by_person"], break_id, now)
        told = await _news(connection, break_id, found, payout, now=now)
        await close_what_came(connection, found.rail, now=now)
    await connection.execute(_SQL["close"], break_id, author, now)
    return Closed(closed=await break_of(connection, break_id), news=told)


async def _news(
    connection: Connection, break_id: str, found: Break, payout: tuple[str, str], *, now: datetime
) -> tuple[BankAnswer, ...]:
    """What the break's line, now that it is known to be that payout's, tells the books."""
    row = await connection.fetchrow(_SQL["matched_line"], break_id)
    assert row is not None  # noqa: S101 (both were found fit)
    assert found.line_number is not None and found.match_kind is not None  # noqa: S101 (as a constraint says)
    entry = msgspec.convert({name: row[name] for name in Entry.__struct_fields__}, Entry)
    match = Match(
        number=found.line_number,
        store_id=payout[0],
        withdrawal_id=payout[1],
        kind=found.match_kind,
        status=row["status"],
        matched_by="person",
    )
    return news({found.line_number: entry}, [match], at=now)


async def _locked(connection: Connection, break_id: str, status: BreakStatus) -> Break:
    """The break, once its rail is locked: nobody else changes it until the transaction ends."""
    rail = await connection.fetchval(_SQL["rail_of_break"], break_id)
    if rail is None:
        raise BreakUnknown(f"there is no break {break_id}")
    await lock_rail(connection, rail)
    found = await break_of(connection, break_id)
    if found.status != status:
        raise BreakStatusUnfit(f"the break is {found.status}, not {status}")
    return found


async def _must_fit(connection: Connection, found: Break, match: tuple[str, str]) -> None:
    """ClosingUnfit unless the break's line can be that payout: same rail, amount and currency, and no line yet."""
    row = await connection.fetchrow(_SQL["payout_of_match"], *match, found.match_kind)
    if row is None:
        raise ClosingUnfit("withdrawal_id", "there is no such withdrawal")
    if row["rail"] != found.rail:
        raise ClosingUnfit("withdrawal_id", f"the withdrawal was not paid over {found.rail}")
    if (row["net"], row["currency"]) != (abs(found.amount), found.currency):
        raise ClosingUnfit(
            "withdrawal_id",
            f"the line is of {abs(found.amount)} {found.currency}, the payout of {row['net']}",
        )
    if row["taken"]:
        raise ClosingUnfit("withdrawal_id", "the payout has its line already")
    if not row["paid"] and (found.match_kind == "return" or row["status"] != "in_transit"):
        raise ClosingUnfit(
            "withdrawal_id", f"the withdrawal is {row['status']}: the bank cannot have booked it"
        )


def _pair(public: str) -> tuple[str, str]:
    head, _, store_id = public.partition(".")
    return store_id, head.removeprefix("wd_")


def _break(row: dict[str, object]) -> Break:
    shown: dict[str, object] = {"id": f"{PREFIX}_{getattr(row['break_id'], 'hex', '')}"}
    for name in ("withdrawal_id", "suggested_withdrawal_id", "matched_withdrawal_id"):
        id, store_id = row[name], row[name.replace("withdrawal", "store")]
        shown[name] = None if id is None else public_id("wd", getattr(id, "hex", ""), str(store_id))
    wording = None if row["reason"] is None else WORDING[Closing(str(row["reason"]))]
    shown["reason_zh"] = None if wording is None else wording.zh
    shown["reason_en"] = None if wording is None else wording.en
    return msgspec.convert(row | shown, Break)
