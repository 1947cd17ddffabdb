"""Payout batches: cutting off what is due, deciding about batches, and looking them up."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import accumulate
from typing import Final

import msgspec
from asyncpg import Record

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.iso20022 import pain001
from houfu.payouts.batch import (
    WORKER,
    BatchDecided,
    BatchStatus,
    BatchUnknown,
    BatchView,
    FileUnknown,
    FileView,
    OwnBatch,
)
from houfu.payouts.payment import FILES_MAX, PREFIX, File, Payment, files_of, message_id, payment_file
from houfu.payouts.rails.config import RailsConfig, RailTerms, route
from houfu.withdrawals.terms import WithdrawalTerms
from houfu.withdrawals.withdrawal import dispatch_at, first_inquiry_at

_SQL = load(__package__)
PAYMENTS_MAX: Final = 500_000
"""Payments cut off in one transaction; the rest follows in the next."""
EVERYTHING: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Until when to cut off what is scheduled, whenever it is due."""
WRITERS: Final = 2
"""Files that are written, validated and packed at once."""
_PACKING: Final = 1


class _Made(msgspec.Struct, frozen=True):
    """A file, written, validated and packed."""

    file: File
    sha: bytes
    packed: bytes


async def cut_off(
    connection: Connection,
    rails: RailsConfig,
    *,
    terms: WithdrawalTerms,
    ids: IdMaker,
    now: datetime,
    made_by: str = WORKER,
    until: datetime | None = None,
) -> list[str]:
    """Put what is due by `until` (`now` where nothing else is said) into batches, one for each rail, and their files;
    the ids of the batches. All or nothing, in one transaction.

    What it takes along cannot be canceled any more. Withdrawals of stores whose funds are frozen stay behind until the
    next closing (D4). A rail that asks for nobody has its batch approved at once.
    """
    until = until or now
    async with connection.transaction():
        frozen = [row["store_id"] for row in await connection.fetch(_SQL["frozen_stores"], now)]
        if frozen:
            await connection.execute(_SQL["hold_back"], until, frozen, dispatch_at(terms, now))
        rows = await connection.fetch(_SQL["due_payments"], until, frozen, PAYMENTS_MAX)
        shared = _shared(map(_payment_of, rows), rails)
        return [
            await _batch(connection, rail, payments, terms=terms, ids=ids, now=now, made_by=made_by)
            for rail, payments in shared
        ]


async def decide(
    connection: Connection,
    batch_id: str,
    *,
    approve: bool,
    author: str,
    note: str | None,
    terms: WithdrawalTerms,
    now: datetime,
) -> BatchView:
    """Approve a batch, or turn it down: then its withdrawals wait for the next cut-off and may be canceled again.

    BatchUnknown; OwnBatch where its maker approves; BatchDecided where it was decided otherwise before. The same
    decision of the same person again changes nothing.
    """
    wanted = BatchStatus.APPROVED if approve else BatchStatus.REJECTED
    async with connection.transaction():
        row = await connection.fetchrow(_SQL["lock_batch"], batch_id)
        if row is None:
            raise BatchUnknown(batch_id)
        if row["made_by"] == author:
            raise OwnBatch(batch_id)
        if row["status"] != BatchStatus.WAITING:
            told = BatchStatus.REJECTED if row["status"] == BatchStatus.REJECTED else BatchStatus.APPROVED
            if told is not wanted or row["decided_by"] != author:
                raise BatchDecided(batch_id)
        else:
            await connection.execute(_SQL["decide_batch"], batch_id, wanted, author, now, note)
            if not approve:
                await connection.execute(_SQL["release"], batch_id, dispatch_at(terms, now))
    return await batch(connection, batch_id)


async def batch(connection: Connection, batch_id: str) -> BatchView:
    """A batch with its files. BatchUnknown where there is none."""
    row = await connection.fetchrow(_SQL["batch"], batch_id)
    if row is None:
        raise BatchUnknown(batch_id)
    files = tuple(
        msgspec.convert(dict(file), FileView) for file in await connection.fetch(_SQL["files"], batch_id)
    )
    return msgspec.structs.replace((await _views(connection, [row]))[0], files=files)


async def batches(
    connection: Connection, *, status: BatchStatus | None, rail: str | None, before: str | None, limit: int
) -> list[BatchView]:
    """Batches, newest first; `before` is the hex id where the page before ended."""
    return await _views(connection, await connection.fetch(_SQL["batches"], status, rail, before, limit))


async def file_content(connection: Connection, batch_id: str, number: int) -> bytes:
    """The file as it goes to the bank. FileUnknown where there is none."""
    packed = await connection.fetchval(_SQL["file_content"], batch_id, number)
    if packed is None:
        raise FileUnknown(f"{batch_id} {number}")
    return unpacked(packed)


async def payments(
    connection: Connection, batch_id: str, *, after: tuple[int, str, str] | None, limit: int
) -> Sequence[Record]:
    """The payments of a batch in the order of its files; `after` is where the page before ended."""
    number, store_id, id = after or (None, None, None)
    return await connection.fetch(_SQL["payments_of_batch"], batch_id, number, store_id, id, limit)


async def reports(
    connection: Connection,
    *,
    rail: str | None,
    status: str | None,
    after: tuple[datetime, str, str] | None,
    limit: int,
) -> Sequence[Record]:
    """The bank's reports, newest first; `after` is (recorded at, rail, hex of the hash) where the page before ended."""
    recorded_at, of_rail, sha = after or (None, None, None)
    place = (recorded_at, of_rail, None if sha is None else bytes.fromhex(sha))
    return await connection.fetch(_SQL["reports"], rail, status, *place, limit)


def packed(content: bytes) -> bytes:
    """The content as it is kept."""
    return zlib.compress(content, _PACKING)


def unpacked(content: bytes) -> bytes:
    """The content as it was."""
    return zlib.decompress(content)


def _shared(payments: "map[Payment]", rails: RailsConfig) -> list[tuple[RailTerms, list[Payment]]]:
    """The payments by the rail that carries them, one currency at a time."""
    rail_of: dict[str, RailTerms] = {}
    shared: dict[tuple[str, str], tuple[RailTerms, list[Payment]]] = {}
    for payment in payments:
        rail = rail_of.get(payment.bank_code)
        if rail is None:
            rail = rail_of[payment.bank_code] = route(rails, payment.bank_code)
        shared.setdefault((rail.name, payment.currency), (rail, []))[1].append(payment)
    return [shared[key] for key in sorted(shared)]


async def _batch(
    connection: Connection,
    rail: RailTerms,
    payments: list[Payment],
    *,
    terms: WithdrawalTerms,
    ids: IdMaker,
    now: datetime,
    made_by: str,
) -> str:
    batch_id = ids.make(now)
    today = terms.local(now).date()
    files = files_of(payments[: rail.file_payments_max * FILES_MAX], payments_max=rail.file_payments_max)
    # Two processors: the files are written while PostgreSQL notes which payment is in which.
    writing = asyncio.create_task(_written(files, batch_id, rail, today, now))
    try:
        inquiries = _inquiries(files, terms)
        await connection.execute(
            _SQL["insert_batch"],
            batch_id,
            rail.name,
            payments[0].currency,
            max(today, min(payment.arrives_on for payment in payments)),
            sum(len(file.payments) for file in files),
            sum(file.amount for file in files),
            made_by,
            now,
        )
        await connection.execute(
            _SQL["put_in_files"],
            [payment.store_id for file in files for payment in file.payments],
            [payment.withdrawal_id for file in files for payment in file.payments],
            batch_id,
            list(accumulate((len(file.payments) for file in files[:-1]), initial=1)),
            list(inquiries),
            list(inquiries.values()),
        )
    finally:
        written = await writing
    for made in written:
        await connection.execute(
            _SQL["insert_file"],
            batch_id,
            made.file.number,
            message_id(batch_id, made.file.number),
            len(made.file.payments),
            made.file.amount,
            made.sha,
            made.packed,
        )
    if rail.approval == "automatic":
        await connection.execute(
            _SQL["decide_batch"], batch_id, BatchStatus.APPROVED, f"rail {rail.name}", now, None
        )
    return batch_id


async def _written(
    files: Sequence[File], batch_id: str, rail: RailTerms, today: date, now: datetime
) -> list[_Made]:
    def write(file: File) -> _Made:
        content = pain001.write(
            payment_file(file, batch_id=batch_id, debtor=rail.account, today=today, made_at=now)
        )
        pain001.validate(content)
        return _Made(file, sha256(content).digest(), packed(content))

    with ThreadPoolExecutor(WRITERS) as writers:
        loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*(loop.run_in_executor(writers, write, file) for file in files)))


def _inquiries(files: Sequence[File], terms: WithdrawalTerms) -> Mapping[date, datetime]:
    """When the bank is first asked about a payment, by its day."""
    days = {payment.arrives_on for file in files for payment in file.payments}
    return {day: first_inquiry_at(terms, day) for day in days}


async def _views(connection: Connection, rows: Sequence[Record]) -> list[BatchView]:
    ids = [row["batch_id"] for row in rows]
    outcomes = {row["batch_id"]: row for row in await connection.fetch(_SQL["outcomes_of_batches"], ids)}
    views: list[BatchView] = []
    for row in rows:
        outcome = outcomes.get(row["batch_id"])
        fields = {name: row[name] for name in BatchView.__struct_fields__ if name in row}
        fields["id"] = public_batch_id(row["batch_id"].hex)
        fields["paid"] = 0 if outcome is None else outcome["paid"]
        fields["failed"] = 0 if outcome is None else outcome["failed"]
        views.append(BatchView(**fields))
    return views


def public_batch_id(batch_id: str) -> str:
    """The batch's id as the outside sees it."""
    return f"{PREFIX}_{batch_id}"


def _payment_of(row: Record) -> Payment:
    store_id, id, net, currency, holder, number, bank_code, arrives_on = row
    return Payment(store_id, id.hex, net, currency, holder, number, bank_code, arrives_on)
