"""The interface of reconciliation: the bank's statements, the proof of each day, and the tray of breaks."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Final, Literal

import msgspec

from houfu.core.ids import parse_public_id
from houfu.db.tx import Connection
from houfu.http.caller import OPERATOR, STAFF
from houfu.http.fields import Day, Note, Nothing, PageQuery, WithdrawalId, must_be_sensible
from houfu.http.idempotent import once
from houfu.http.page import hex_place_of, page_of, place_of
from houfu.http.problem import invalid
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.payouts.settling import settle
from houfu.policy.book import PolicyBook
from houfu.reconciliation import proofs, tray
from houfu.reconciliation.actions import StatementUnknown, look_again
from houfu.reconciliation.breaks import PREFIX, Break, BreakKind, BreakStatus
from houfu.reconciliation.closing import Closing
from houfu.reconciliation.proof import DayView, Proof
from houfu.reconciliation.proofs import BankLineView, BankStatementView
from houfu.reconciliation.tray import (
    BreakMove,
    BreakStatusUnfit,
    BreakUnknown,
    ClosingUnfit,
    OwnProposal,
)
from houfu.withdrawals.ask import PREFIX as WITHDRAWAL_PREFIX
from houfu.withdrawals.terms import withdrawal_terms

_MISSES: Final[Mapping[type[Exception], str]] = {
    StatementUnknown: "bank_statement_unknown",
    BreakUnknown: "break_unknown",
    BreakStatusUnfit: "break_status_unfit",
    OwnProposal: "break_own_proposal",
}
DAYS: Final = 31
"""Days listed where nobody says which."""
DAYS_MAX: Final = 366
_DAY: Final = timedelta(days=1)

RailName = Annotated[
    str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,31}$", description="The rail's name.", examples=["icbc"])
]
BreakId = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{PREFIX}_[0-9a-f]{{32}}$",
        description="The break's id.",
        examples=[f"{PREFIX}_{'0' * 32}"],
    ),
]


class StatementPath(msgspec.Struct, frozen=True):
    """A path that names the statement of a day."""

    rail: RailName
    day: Day


class RailPath(msgspec.Struct, frozen=True):
    """A path that names a rail."""

    rail: RailName


class BreakPath(msgspec.Struct, frozen=True):
    """A path that names a break."""

    break_id: BreakId


class StatementsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which statements: those of one rail."""

    rail: RailName | None = None


class DaysQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which days: from `first` to `last`, the last 31 where nobody says."""

    first: Day | None = None
    last: Day | None = None


class LinesQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines: those with a payout, or those without."""

    match: Literal["matched", "unmatched"] | None = None


class BreaksQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which breaks: in one status, of one rail, kind and day."""

    status: BreakStatus | None = None
    rail: RailName | None = None
    kind: BreakKind | None = None
    day: Day | None = None


class ProposeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the break can be closed; `withdrawal_id` is what its line is, with the reason matched_by_hand."""

    reason: Closing
    note: Note = ""
    withdrawal_id: WithdrawalId | None = None


class DeclineBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the proposal is not taken."""

    note: Note = ""


class Days(msgspec.Struct, frozen=True):
    """Days of a rail, newest first."""

    data: tuple[DayView, ...]


class BreakDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A break, and what was done to it, in order."""

    found: Break = msgspec.field(name="break")
    moves: tuple[BreakMove, ...]


async def list_statements(call: Call[Nothing, StatementsQuery, Nothing]) -> Reply:
    """Show statements, newest day first."""
    before = place_of(call.query.cursor, tuple[date, str])
    async with call.service.pool.acquire() as connection:
        found = await proofs.statements(
            connection, rail=call.query.rail, before=before, limit=call.query.limit + 1
        )
    return reply(200, page_of(found, call.query.limit, lambda one: (one.day, one.rail), lambda one: one))


async def list_days(call: Call[RailPath, DaysQuery, Nothing]) -> Reply:
    """Show the days of a rail and how they stand."""
    last = call.query.last or call.now().date() + _DAY
    must_be_sensible("last", last)
    first = call.query.first or last - DAYS * _DAY
    must_be_sensible("first", first)
    if not _DAY <= last - first + _DAY <= DAYS_MAX * _DAY:
        raise invalid("first", f"must lie 0 to {DAYS_MAX - 1} days before last")
    async with call.service.pool.acquire() as connection:
        found = await proofs.days(connection, call.path.rail, first=first, last=last)
    return reply(200, Days(tuple(found)))


async def get_statement(call: Call[StatementPath, Nothing, Nothing]) -> Reply:
    """Show the proof of a day."""
    async with call.service.pool.acquire() as connection:
        return reply(200, await proofs.proof(connection, call.path.rail, call.path.day))


async def list_lines(call: Call[StatementPath, LinesQuery, Nothing]) -> Reply:
    """Show a statement's lines in the bank's order."""
    query = call.query
    after = place_of(query.cursor, int) or 0
    async with call.service.pool.acquire() as connection:
        found = await proofs.lines(
            connection,
            call.path.rail,
            call.path.day,
            matched=None if query.match is None else query.match == "matched",
            after=after,
            limit=query.limit + 1,
        )
    return reply(200, page_of(found, query.limit, lambda one: one.number, lambda one: one))


async def check(call: Call[StatementPath, Nothing, Nothing]) -> Reply:
    """Hold what the books learned since against a day's statement; the proof after it."""

    async def act(connection: Connection) -> Reply:
        await look_again(connection, call.path.rail, call.path.day, ids=call.service.ids, now=call.now())
        return reply(200, await proofs.proof(connection, call.path.rail, call.path.day))

    return await once(call, "", act)


async def list_breaks(call: Call[Nothing, BreaksQuery, Nothing]) -> Reply:
    """Show the tray, newest first."""
    query = call.query
    async with call.service.pool.acquire() as connection:
        found = await tray.breaks(
            connection,
            status=query.status,
            rail=query.rail,
            kind=query.kind,
            day=query.day,
            before=hex_place_of(query.cursor),
            limit=query.limit + 1,
        )
    return reply(200, page_of(found, query.limit, lambda one: _hex(one.id), lambda one: one))


async def get_break(call: Call[BreakPath, Nothing, Nothing]) -> Reply:
    """Show a break and what was done to it."""
    id = _hex(call.path.break_id)
    async with call.service.pool.acquire() as connection:
        found = await tray.break_of(connection, id)
        return reply(200, BreakDetail(found=found, moves=tuple(await tray.moves(connection, id))))


async def propose(call: Call[BreakPath, Nothing, ProposeBody]) -> Reply:
    """Say why a break can be closed."""
    body = call.body
    match = None if body.withdrawal_id is None else parse_public_id(WITHDRAWAL_PREFIX, body.withdrawal_id)

    async def act(connection: Connection) -> Reply:
        try:
            proposed = await tray.propose(
                connection,
                _hex(call.path.break_id),
                reason=body.reason,
                note=body.note,
                match=match,
                author=call.caller.author,
                now=call.now(),
            )
        except ClosingUnfit as unfit:
            raise invalid(unfit.field, str(unfit)) from None
        return reply(200, proposed)

    return await once(call, "", act)


async def close(call: Call[BreakPath, Nothing, Nothing]) -> Reply:
    """Close a break as another person proposed; what its match tells the books is carried out with it."""
    book = call.service.part(PolicyBook)

    async def act(connection: Connection) -> Reply:
        now = call.now()
        try:
            done = await tray.close(connection, _hex(call.path.break_id), author=call.caller.author, now=now)
        except ClosingUnfit as unfit:
            raise invalid(unfit.field, str(unfit)) from None
        if done.news:
            await settle(
                connection,
                done.news,
                terms_at=lambda at: withdrawal_terms(book.at(at).terms),
                ids=call.service.ids,
                now=now,
            )
        return reply(200, done.closed)

    return await once(call, "", act)


async def decline(call: Call[BreakPath, Nothing, DeclineBody]) -> Reply:
    """Take a proposal off a break."""

    async def act(connection: Connection) -> Reply:
        declined = await tray.decline(
            connection,
            _hex(call.path.break_id),
            note=call.body.note,
            author=call.caller.author,
            now=call.now(),
        )
        return reply(200, declined)

    return await once(call, "", act)


def _hex(break_id: str) -> str:
    return break_id.removeprefix(f"{PREFIX}_")


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="GET",
            address="/v1/bank_statements",
            operation="list_bank_statements",
            summary="The bank's statements, newest day first",
            tag="reconciliation",
            roles=STAFF,
            path=Nothing,
            query=StatementsQuery,
            body=Nothing,
            answers={200: Page[BankStatementView]},
            handle=list_statements,
        ),
        Route(
            method="GET",
            address="/v1/bank_statements/{rail}",
            operation="list_reconciled_days",
            summary="A rail's days and how they stand: proven, or what is wanting",
            tag="reconciliation",
            roles=STAFF,
            path=RailPath,
            query=DaysQuery,
            body=Nothing,
            answers={200: Days},
            handle=list_days,
        ),
        Route(
            method="GET",
            address="/v1/bank_statements/{rail}/{day}",
            operation="get_bank_statement",
            summary="The proof of a day: opening + in - out = closing, books against bank",
            tag="reconciliation",
            roles=STAFF,
            path=StatementPath,
            query=Nothing,
            body=Nothing,
            answers={200: Proof},
            handle=get_statement,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/bank_statements/{rail}/{day}/lines",
            operation="list_bank_lines",
            summary="A statement's lines and the withdrawals they are, in the bank's order",
            tag="reconciliation",
            roles=STAFF,
            path=StatementPath,
            query=LinesQuery,
            body=Nothing,
            answers={200: Page[BankLineView]},
            handle=list_lines,
        ),
        Route(
            method="POST",
            address="/v1/bank_statements/{rail}/{day}/check",
            operation="check_bank_statement",
            summary="Hold what the books learned since against a day's statement",
            tag="reconciliation",
            roles=OPERATOR,
            path=StatementPath,
            query=Nothing,
            body=Nothing,
            answers={200: Proof},
            handle=check,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/breaks",
            operation="list_breaks",
            summary="Where bank and books differ, newest first",
            tag="reconciliation",
            roles=STAFF,
            path=Nothing,
            query=BreaksQuery,
            body=Nothing,
            answers={200: Page[Break]},
            handle=list_breaks,
        ),
        Route(
            method="GET",
            address="/v1/breaks/{break_id}",
            operation="get_break",
            summary="A break and what was done to it",
            tag="reconciliation",
            roles=STAFF,
            path=BreakPath,
            query=Nothing,
            body=Nothing,
            answers={200: BreakDetail},
            handle=get_break,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/breaks/{break_id}/propose",
            operation="propose_break",
            summary="Say why a break can be closed",
            tag="reconciliation",
            roles=OPERATOR,
            path=BreakPath,
            query=Nothing,
            body=ProposeBody,
            answers={200: Break},
            handle=propose,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/breaks/{break_id}/close",
            operation="close_break",
            summary="Close a break as another person proposed",
            tag="reconciliation",
            roles=OPERATOR,
            path=BreakPath,
            query=Nothing,
            body=Nothing,
            answers={200: Break},
            handle=close,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/breaks/{break_id}/decline",
            operation="decline_break",
            summary="Take a proposal off a break: it is open again",
            tag="reconciliation",
            roles=OPERATOR,
            path=BreakPath,
            query=Nothing,
            body=DeclineBody,
            answers={200: Break},
            handle=decline,
            raises=_MISSES,
        ),
    ]
