"""The interface of statements: files of exactly what is chosen, and what each month came to (C5)."""

from collections.abc import AsyncGenerator
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from houfu.http.caller import EVERYONE
from houfu.http.fields import (
    Amount,
    Day,
    Moment,
    Nothing,
    StoreId,
    StorePath,
    bounds_of,
    month_of,
)
from houfu.http.problem import Problem, invalid
from houfu.http.reply import Reply, reply
from houfu.http.route import AnyRoute, B, Call, P, Q, Route, Service
from houfu.ledger import actions as ledger
from houfu.ledger.api import EntriesChosen, entry_filter, must_exist
from houfu.ledger.entries import words_of
from houfu.statements import actions
from houfu.statements.actions import Rows, WithdrawalFilter
from houfu.statements.closing import StatementUnknown, store_month, store_months
from houfu.statements.columns import MEDIA_TYPES, Format
from houfu.statements.exports import Exports, streamed
from houfu.statements.interface import (
    MonthsView,
    MonthView,
    StatementPath,
    StatementQuery,
    StatementView,
    address_of,
    statement_view,
)
from houfu.statements.period import DAYS_MAX, PeriodTooLong, a_year_at_most
from houfu.withdrawals.api import StatusName

PDF_ROWS_MAX: Final = 20_000
"""Rows in a PDF: nobody reads more, and a file of tables has them all in memory."""

FormatName = Annotated[Format, msgspec.Meta(description="What kind of file.")]


class EntriesExportQuery(EntriesChosen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries, and as what: without bounds those of the last 366 days, which is also the most."""

    format: FormatName = "csv"


class WithdrawalsExportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which withdrawals, and as what: of one store or of all, in one status, asked from a moment or local day on, before a
    moment or up to a local day, of amounts between two. Without bounds those of the last 366 days, which is also the most."""

    store_id: StoreId | None = None
    status: StatusName | None = None
    asked_from: Moment | None = None
    asked_before: Moment | None = None
    from_day: Day | None = None
    to_day: Day | None = None
    amount_min: Amount | None = None
    amount_max: Amount | None = None
    format: FormatName = "csv"


async def export_entries(call: Call[StorePath, EntriesExportQuery, Nothing]) -> Reply:
    """Answer with a file of a store's entries, oldest first; a merchant sees its own accounts."""
    query, zone = call.query, call.service.part(ZoneInfo)
    which = entry_filter(call, query)
    if which.order_id is None and (which.by_time or which.journal_from is None or which.journal_to is None):
        first, before = _year(call, which.occurred_from, which.occurred_before, zone, "occurred_from")
        which = msgspec.structs.replace(which, occurred_from=first, occurred_before=before)
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, which.store_id)
        rows = await actions.entry_rows(connection, which, language=call.language)
    return await _file(call, rows, query.format)


async def export_withdrawals(call: Call[Nothing, WithdrawalsExportQuery, Nothing]) -> Reply:
    """Answer with a file of withdrawals, refused ones too, oldest first."""
    query, zone = call.query, call.service.part(ZoneInfo)
    bounds = bounds_of(
        zone,
        ("asked_from", query.asked_from),
        ("asked_before", query.asked_before),
        from_day=query.from_day,
        to_day=query.to_day,
    )
    first, before = _year(call, *bounds, zone, "asked_from")
    which = WithdrawalFilter(
        store_id=call.own_store(query.store_id),
        status=query.status,
        asked_from=first,
        asked_before=before,
        amount_min=query.amount_min,
        amount_max=query.amount_max,
    )
    return await _file(call, actions.withdrawal_rows(which, language=call.language), query.format)


async def list_statements(call: Call[StorePath, Nothing, Nothing]) -> Reply:
    """Show of which months the store has a statement, the newest first."""
    store_id = call.path.store_id
    async with call.service.pool.acquire() as connection:
        await must_exist(connection, store_id)
        months = await store_months(connection, store_id, now=call.now(), zone=call.service.part(ZoneInfo))
    return reply(
        200,
        MonthsView(
            tuple(MonthView(f"{month:%Y-%m}", final, address_of(store_id, month)) for month, final in months)
        ),
    )


async def get_statement(call: Call[StatementPath, StatementQuery, Nothing]) -> Reply:
    """Show what a month came to, or answer with it as a file."""
    store_id, service, language = call.path.store_id, call.service, call.language
    async with service.pool.acquire() as connection:
        await must_exist(connection, store_id)
        month = await store_month(
            connection, store_id, month_of(call.path.month), now=call.now(), zone=service.part(ZoneInfo)
        )
        names = dict(words_of(await ledger.chart(connection), language))
    if call.query.format == "json":
        return reply(200, statement_view(month, names, language))
    exports = _exports(service)
    if exports.full:
        raise Problem("busy")

    async def produce(write: actions.Write) -> None:
        async with exports.one():
            await actions.export_month(month, names, write=write, language=language)

    return _reply(f"houfu-statement-{store_id}-{call.path.month}", "pdf", streamed(produce))


async def _file(call: Call[P, Q, B], rows: Rows, format: Format) -> Reply:
    """The rows as a file that is made while it is sent."""
    service, zone, language = call.service, call.service.part(ZoneInfo), call.language
    exports = _exports(service)
    if exports.full:
        raise Problem("busy")
    if format == "pdf":
        async with service.pool.acquire() as connection:
            found = await actions.count_up_to(connection, rows, PDF_ROWS_MAX + 1, zone=zone)
        if found > PDF_ROWS_MAX:
            raise Problem("export_too_long")

    async def produce(write: actions.Write) -> None:
        async with exports.one(), service.pool.acquire() as connection:
            await actions.export(connection, rows, format=format, write=write, zone=zone, language=language)

    parts = streamed(produce)
    # A CSV file begins at once: what fails before its first line is told as a problem.
    body = await anext(parts) if format == "csv" else b""
    day = call.now().astimezone(zone).date()
    name = "-".join(part for part in ("houfu", rows.table.name, rows.store_id, str(day)) if part is not None)
    return _reply(name, format, parts, body)


def _reply(name: str, format: Format, parts: AsyncGenerator[bytes, None], body: bytes = b"") -> Reply:
    return Reply(
        200,
        body,
        ((b"content-disposition", f'attachment; filename="{name}.{format}"'.encode()),),
        media_type=MEDIA_TYPES[format].encode(),
        parts=parts,
    )


def _exports(service: Service) -> Exports:
    if not service.has(Exports):
        service.put(Exports(service.pool.get_max_size()))
    return service.part(Exports)


def _year(
    call: Call[P, Q, B], first: "Moment | None", before: "Moment | None", zone: ZoneInfo, field: str
) -> "tuple[Moment, Moment | None]":
    try:
        return a_year_at_most(first, before, now=call.now(), zone=zone)
    except PeriodTooLong:
        raise invalid(field, f"lies more than {DAYS_MAX} days before the end of what is asked for") from None


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    files = tuple(MEDIA_TYPES.values())
    return [
        Route(
            method="GET",
            address="/v1/stores/{store_id}/entries/export",
            operation="export_entries",
            summary="A file of the store's entries: CSV, XLSX or PDF",
            tag="statements",
            roles=EVERYONE,
            path=StorePath,
            query=EntriesExportQuery,
            body=Nothing,
            answers={},
            files=files,
            handle=export_entries,
            problems=frozenset({"store_unknown", "busy", "export_too_long"}),
        ),
        Route(
            method="GET",
            address="/v1/withdrawals/export",
            operation="export_withdrawals",
            summary="A file of withdrawals: CSV, XLSX or PDF",
            tag="statements",
            roles=EVERYONE,
            path=Nothing,
            query=WithdrawalsExportQuery,
            body=Nothing,
            answers={},
            files=files,
            handle=export_withdrawals,
            problems=frozenset({"busy", "export_too_long"}),
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/statements",
            operation="list_statements",
            summary="The months of which the store has a statement",
            tag="statements",
            roles=EVERYONE,
            path=StorePath,
            query=Nothing,
            body=Nothing,
            answers={200: MonthsView},
            handle=list_statements,
            problems=frozenset({"store_unknown"}),
        ),
        Route(
            method="GET",
            address="/v1/stores/{store_id}/statements/{month}",
            operation="get_statement",
            summary="What a month came to: opening + in - out = closing, and the entries behind each line",
            tag="statements",
            roles=EVERYONE,
            path=StatementPath,
            query=StatementQuery,
            body=Nothing,
            answers={200: StatementView},
            files=(MEDIA_TYPES["pdf"],),
            handle=get_statement,
            raises={StatementUnknown: "statement_unknown"},
            problems=frozenset({"store_unknown", "busy"}),
        ),
    ]
