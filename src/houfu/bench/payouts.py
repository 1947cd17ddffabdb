"""A day of payouts, measured: from cut-off to validated files, and a statement from its bytes to matched lines.

Each piece runs in a process of its own: `python -m houfu.bench.payouts < job.json`, so that its peak memory is its own and no
piece warms the next one's heap.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from time import perf_counter_ns
from typing import Final

import msgspec
from lxml import etree

from houfu.bench.memory import peak_memory_kb
from houfu.bench.programme import store_id
from houfu.core.calendar import shipped_calendar
from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection, connect
from houfu.iso20022 import camt053
from houfu.iso20022.message import Entry, Statement
from houfu.ledger.entries import EntryFilter
from houfu.payouts import actions
from houfu.payouts.actions import unpacked
from houfu.payouts.payment import end_to_end_id
from houfu.payouts.simulated import RAILS
from houfu.policy.publishing import open_policy_book
from houfu.reconciliation.desk import desk_of
from houfu.statements.actions import export_entries
from houfu.withdrawals.terms import withdrawal_terms

ASKED_AT: Final = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""A Monday, 10:00 in the programme's zone."""
ASKED_ON: Final = date(2026, 3, 2)
ARRIVES_ON: Final = date(2026, 3, 3)
CUT_OFF_AT: Final = datetime(2026, 3, 2, 15, tzinfo=UTC)
STATED_AT: Final = datetime(2026, 3, 3, 12, tzinfo=UTC)
OPENING: Final = 10**13
STORES: Final = 20_000
_SQL = load(__package__, "withdrawals.sql")


OnProgress = Callable[[str, int, int], None]
Act = Callable[[Connection], Awaitable[object]]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, in the database of `dsn`."""

    work: str
    dsn: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How long it took, nanoseconds; the process's peak memory, kB; of how many things."""

    took_ns: int
    peak_kb: int
    count: int


async def make_day(connection: Connection, *, payments: int, now: datetime) -> None:
    """Stores with bank accounts, and `payments` withdrawals of theirs that are due at the cut-off."""
    names = [store_id(n) for n in range(1, min(STORES, payments) + 1)]
    await connection.execute(_SQL["put_open_stores"], names, ASKED_ON, now)
    await connection.execute(_SQL["put_bank_accounts"], names, now)
    await connection.execute(
        _SQL["put_withdrawals"], names, payments, ASKED_AT, ASKED_ON, ARRIVES_ON, CUT_OFF_AT
    )
    await connection.execute("vacuum analyze")


async def begin_again(connection: Connection) -> None:
    """The day as it was before its cut-off."""
    await connection.execute(_SQL["forget_batches"])
    await connection.execute(_SQL["let_all_go"], CUT_OFF_AT)
    await connection.execute("vacuum analyze withdrawals")


async def cut_off(connection: Connection) -> tuple[int, int]:
    """From what is due to files that are valid and kept."""
    book = await open_policy_book(connection)
    terms = withdrawal_terms(book.at(CUT_OFF_AT).terms)
    start = perf_counter_ns()
    made = await actions.cut_off(connection, RAILS, terms=terms, ids=IdMaker(), now=CUT_OFF_AT)
    took = perf_counter_ns() - start
    return took, sum([(await actions.batch(connection, id)).payments for id in made])


async def serialize(connection: Connection) -> tuple[int, int]:
    """The floor of a cut-off: lxml writes trees of the same files."""
    trees = [etree.fromstring(unpacked(row["content"])) for row in await connection.fetch(_SQL["contents"])]
    start = perf_counter_ns()
    written = [etree.tostring(tree, xml_declaration=True, encoding="UTF-8") for tree in trees]
    return perf_counter_ns() - start, sum(text.count(b"<CdtTrfTxInf>") for text in written)


async def ingest(connection: Connection) -> tuple[int, int]:
    """A statement from its bytes to lines that are kept and matched."""
    content = await _statement(connection)
    book = await open_policy_book(connection)
    desk = desk_of(lambda: book, shipped_calendar, IdMaker())
    (rail,) = RAILS.rails
    start = perf_counter_ns()
    done = await desk.ingest(connection, rail, "statement.xml", content, now=STATED_AT)
    took = perf_counter_ns() - start
    if done.status != "taken":
        raise RuntimeError(f"the statement was {done.status}: {done.fault}")
    return took, await connection.fetchval("select count(*) from line_matches")


async def parse(connection: Connection) -> tuple[int, int]:
    """The floor of a statement: lxml parses the same bytes."""
    content = await _statement(connection)
    start = perf_counter_ns()
    tree = etree.fromstring(content, etree.XMLParser(huge_tree=True))
    took = perf_counter_ns() - start
    return took, content.count(b"<Ntry>") if tree is not None else 0


async def _statement(connection: Connection) -> bytes:
    """The bank's statement of a day on which it paid everything."""
    entries = tuple(
        Entry(
            reference=f"R{n:010d}",
            amount=row["net"],
            credit=False,
            booked_on=ARRIVES_ON,
            end_to_end_id=end_to_end_id(row["withdrawal_id"].hex),
            counterparty_name=row["holder"],
            counterparty_number=row["number"],
            return_reason=None,
            words=None,
        )
        for n, row in enumerate(await connection.fetch(_SQL["payments"]))
    )
    return camt053.write(
        Statement(
            message_id="m1",
            statement_id="s1",
            created_at=STATED_AT,
            account_number=RAILS.rails[0].account.number,
            currency="CNY",
            day=ARRIVES_ON,
            opening=OPENING,
            closing=OPENING - sum(entry.amount for entry in entries),
            entries=entries,
        )
    )


async def pay_all(connection: Connection) -> None:
    """The bank has paid every payment, and the books know."""
    await connection.execute(_SQL["pay_all"], STATED_AT - timedelta(hours=10), ARRIVES_ON)
    await connection.execute("vacuum analyze withdrawals")


async def export_csv(connection: Connection) -> tuple[int, int]:
    """All entries of a store as the CSV that a person opens."""
    book = await open_policy_book(connection)
    written = 0

    async def write(part: bytes) -> None:
        nonlocal written
        written += len(part)

    start = perf_counter_ns()
    done = await export_entries(
        connection,
        EntryFilter(store_id=store_id(1)),
        format="csv",
        write=write,
        zone=book.at(CUT_OFF_AT).zone,
    )
    return perf_counter_ns() - start, done.rows


async def copy(connection: Connection) -> tuple[int, int]:
    """The floor of an export: PostgreSQL copies the same entries as they lie there."""

    async def forget(part: bytes) -> None:
        pass

    start = perf_counter_ns()
    done = await connection.copy_from_query(_SQL["entries"], store_id(1), output=forget, format="csv")
    return perf_counter_ns() - start, int(done.rpartition(" ")[2])


WORK: Final[Mapping[str, Callable[[Connection], Awaitable[tuple[int, int]]]]] = {
    "cut_off": cut_off,
    "serialize": serialize,
    "ingest": ingest,
    "parse": parse,
    "export": export_csv,
    "copy": copy,
}


async def done(job: Job) -> Done:
    """Do the job."""
    connection = await connect(job.dsn, as_app=False)
    try:
        took, count = await WORK[job.work](connection)
    finally:
        await connection.close()
    return Done(took_ns=took, peak_kb=peak_memory_kb(), count=count)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(done(given))) + b"\n")
