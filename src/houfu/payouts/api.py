"""The interface of payouts: batches and their files, the decisions about them, and the bank's reports."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from asyncpg import Record

from houfu.core.ids import public_id
from houfu.http.caller import OPERATOR, STAFF
from houfu.http.fields import Nothing, PageQuery
from houfu.http.page import page_of, place_of
from houfu.http.reply import Page, Reply, reply
from houfu.http.route import AnyRoute, B, Call, P, Q, Route
from houfu.payouts import actions
from houfu.payouts.batch import (
    BatchDecided,
    BatchStatus,
    BatchUnknown,
    BatchView,
    FileUnknown,
    OwnBatch,
)
from houfu.payouts.payment import PREFIX, end_to_end_id, message_id
from houfu.payouts.work import Rails
from houfu.policy.book import PolicyBook
from houfu.stores.bank_account import masked
from houfu.withdrawals.ask import PREFIX as WITHDRAWAL_PREFIX
from houfu.withdrawals.terms import WithdrawalTerms, withdrawal_terms

_MISSES: Final[Mapping[type[Exception], str]] = {
    BatchUnknown: "payout_batch_unknown",
    BatchDecided: "payout_batch_decided",
    OwnBatch: "payout_batch_own",
    FileUnknown: "payout_file_unknown",
}
BatchId = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{PREFIX}_[0-9a-f]{{32}}$",
        description="The batch's id.",
        examples=[f"{PREFIX}_{'0' * 32}"],
    ),
]
RailName = Annotated[
    str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,31}$", description="The rail's name.", examples=["icbc"])
]
Note = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
HexId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class BatchPath(msgspec.Struct, frozen=True):
    """A path that names a batch."""

    batch_id: BatchId


class FilePath(msgspec.Struct, frozen=True):
    """A path that names a file of a batch."""

    batch_id: BatchId
    number: Annotated[int, msgspec.Meta(ge=1, le=99, description="The file's number.", examples=[1])]


class BatchesQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which batches: those in one status, of one rail."""

    status: Literal["waiting", "approved", "rejected", "sent"] | None = None
    rail: RailName | None = None


class ReportsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reports: of one rail, taken or refused."""

    rail: RailName | None = None
    status: Literal["taken", "refused"] | None = None


class ApproveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the batch may go, if there is anything to say."""

    note: Note | None = None


class RejectBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the batch may not go."""

    note: Note


class CutOff(msgspec.Struct, frozen=True):
    """The batches that were made."""

    data: tuple[BatchView, ...]


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment of a batch, minor units; the number masked. `status` is its withdrawal's."""

    withdrawal_id: str
    store_id: str
    end_to_end_id: str
    file_number: int
    amount: int
    currency: str
    holder: str
    number: str
    bank_code: str
    status: str
    arrives_on: date
    bank_reference: str | None
    bank_reason: str | None


class FileAnswer(msgspec.Struct, frozen=True):
    """The file, XML."""

    message_id: str
    content: str


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a bank. `applied` of its `entries` are carried out; `fault` says why one was refused."""

    rail: str
    name: str
    sha256: str
    kind: str
    message_id: str | None
    status: str
    fault: str | None
    entries: int
    applied: int
    recorded_at: datetime


async def cut_off(call: Call[Nothing, Nothing, Nothing]) -> Reply:
    """Cut off now, whatever the hour: everything scheduled goes into batches, made by the caller."""
    terms = _terms(call)
    now = call.now()
    async with call.service.pool.acquire() as connection:
        made = await actions.cut_off(
            connection,
            call.service.part(Rails).config,
            terms=terms,
            ids=call.service.ids,
            now=now,
            made_by=call.caller.author,
            until=actions.EVERYTHING,
        )
        views = tuple([await actions.batch(connection, id) for id in made])
    return reply(201 if views else 200, CutOff(views))


async def list_batches(call: Call[Nothing, BatchesQuery, Nothing]) -> Reply:
    """Show batches, newest first."""
    query = call.query
    async with call.service.pool.acquire() as connection:
        found = await actions.batches(
            connection,
            status=None if query.status is None else BatchStatus(query.status),
            rail=query.rail,
            before=place_of(query.cursor, str),
            limit=query.limit + 1,
        )
    return reply(200, page_of(found, query.limit, lambda view: _hex(view.id), lambda view: view))


async def get_batch(call: Call[BatchPath, Nothing, Nothing]) -> Reply:
    """Show a batch with its files."""
    async with call.service.pool.acquire() as connection:
        return reply(200, await actions.batch(connection, _hex(call.path.batch_id)))


async def approve(call: Call[BatchPath, Nothing, ApproveBody]) -> Reply:
    """Let a batch that another made go to the bank."""
    async with call.service.pool.acquire() as connection:
        decided = await actions.decide(
            connection,
            _hex(call.path.batch_id),
            approve=True,
            author=call.caller.author,
            note=call.body.note,
            terms=_terms(call),
            now=call.now(),
        )
    return reply(200, decided)


async def reject(call: Call[BatchPath, Nothing, RejectBody]) -> Reply:
    """Turn a batch down that another made: its withdrawals wait for the next cut-off."""
    async with call.service.pool.acquire() as connection:
        decided = await actions.decide(
            connection,
            _hex(call.path.batch_id),
            approve=False,
            author=call.caller.author,
            note=call.body.note,
            terms=_terms(call),
            now=call.now(),
        )
    return reply(200, decided)


async def list_payments(call: Call[BatchPath, PageQuery, Nothing]) -> Reply:
    """Show the payments of a batch in the order of its files."""
    after = place_of(call.query.cursor, tuple[int, str, HexId])
    async with call.service.pool.acquire() as connection:
        rows = await actions.payments(
            connection, _hex(call.path.batch_id), after=after, limit=call.query.limit + 1
        )
    return reply(
        200,
        page_of(
            rows,
            call.query.limit,
            lambda row: (row["file_number"], row["store_id"], row["withdrawal_id"].hex),
            _payment_view,
        ),
    )


async def get_file(call: Call[FilePath, Nothing, Nothing]) -> Reply:
    """Show a file as it goes to the bank."""
    batch_id, number = _hex(call.path.batch_id), call.path.number
    async with call.service.pool.acquire() as connection:
        content = await actions.file_content(connection, batch_id, number)
    return reply(200, FileAnswer(message_id(batch_id, number), content.decode()))


async def list_reports(call: Call[Nothing, ReportsQuery, Nothing]) -> Reply:
    """Show the bank's reports, newest first."""
    query = call.query
    after = place_of(query.cursor, tuple[datetime, str, str])
    async with call.service.pool.acquire() as connection:
        found = await actions.reports(
            connection, rail=query.rail, status=query.status, after=after, limit=query.limit + 1
        )
    return reply(
        200,
        page_of(
            found,
            query.limit,
            lambda row: (row["recorded_at"], row["rail"], row["sha256"]),
            lambda row: msgspec.convert(dict(row), ReportView),
        ),
    )


def _payment_view(row: Record) -> PaymentView:
    id = row["withdrawal_id"].hex
    return PaymentView(
        withdrawal_id=public_id(WITHDRAWAL_PREFIX, id, row["store_id"]),
        store_id=row["store_id"],
        end_to_end_id=end_to_end_id(id),
        file_number=row["file_number"],
        amount=row["net"],
        currency=row["currency"],
        holder=row["holder"],
        number=masked(row["number"]),
        bank_code=row["bank_code"],
        status=row["status"],
        arrives_on=row["arrives_on"],
        bank_reference=row["bank_reference"],
        bank_reason=row["bank_reason"],
    )


def _terms(call: Call[P, Q, B]) -> WithdrawalTerms:
    return withdrawal_terms(call.service.part(PolicyBook).at(call.now()).terms)


def _hex(batch_id: str) -> str:
    return batch_id.removeprefix(f"{PREFIX}_")


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return [
        Route(
            method="POST",
            address="/v1/payout_batches",
            operation="cut_off_payouts",
            summary="Cut off now: everything scheduled goes into payout batches",
            tag="payouts",
            roles=OPERATOR,
            path=Nothing,
            query=Nothing,
            body=Nothing,
            answers={200: CutOff, 201: CutOff},
            handle=cut_off,
        ),
        Route(
            method="GET",
            address="/v1/payout_batches",
            operation="list_payout_batches",
            summary="Payout batches, newest first",
            tag="payouts",
            roles=STAFF,
            path=Nothing,
            query=BatchesQuery,
            body=Nothing,
            answers={200: Page[BatchView]},
            handle=list_batches,
        ),
        Route(
            method="GET",
            address="/v1/payout_batches/{batch_id}",
            operation="get_payout_batch",
            summary="A payout batch with its files",
            tag="payouts",
            roles=STAFF,
            path=BatchPath,
            query=Nothing,
            body=Nothing,
            answers={200: BatchView},
            handle=get_batch,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/payout_batches/{batch_id}/approve",
            operation="approve_payout_batch",
            summary="Let a batch that another made go to the bank",
            tag="payouts",
            roles=OPERATOR,
            path=BatchPath,
            query=Nothing,
            body=ApproveBody,
            answers={200: BatchView},
            handle=approve,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/payout_batches/{batch_id}/reject",
            operation="reject_payout_batch",
            summary="Turn a batch down that another made",
            tag="payouts",
            roles=OPERATOR,
            path=BatchPath,
            query=Nothing,
            body=RejectBody,
            answers={200: BatchView},
            handle=reject,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/payout_batches/{batch_id}/payments",
            operation="list_payments",
            summary="The payments of a batch, in the order of its files",
            tag="payouts",
            roles=STAFF,
            path=BatchPath,
            query=PageQuery,
            body=Nothing,
            answers={200: Page[PaymentView]},
            handle=list_payments,
        ),
        Route(
            method="GET",
            address="/v1/payout_batches/{batch_id}/files/{number}",
            operation="get_payout_file",
            summary="A file of a batch as it goes to the bank: account numbers in full",
            tag="payouts",
            roles=OPERATOR,
            path=FilePath,
            query=Nothing,
            body=Nothing,
            answers={200: FileAnswer},
            handle=get_file,
            raises=_MISSES,
        ),
        Route(
            method="GET",
            address="/v1/bank_reports",
            operation="list_bank_reports",
            summary="The bank's reports, newest first",
            tag="payouts",
            roles=STAFF,
            path=Nothing,
            query=ReportsQuery,
            body=Nothing,
            answers={200: Page[ReportView]},
            handle=list_reports,
        ),
    ]
