"""`houfu demo`: a simulated marketplace, a year of it, and then the service on what came of it."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell
from houfu.commands.serve import listening, run, serve_on, url_of

if TYPE_CHECKING:
    from houfu.http.route import Service
    from houfu.lab.report import Report
    from houfu.lab.year import Engine, Scale
    from houfu.ledger.verify import Proof
    from houfu.settings import Settings

DATABASE = "houfu_demo"
MARK = "made by houfu demo, which may drop it"
STORES_MAX = 100_000
DAYS_MAX = 365
LANES = 2
PAPER_WIDTH = 100
"""Columns of the report where it does not go to a terminal."""


def demo(
    stores: Annotated[int, typer.Option(min=1, max=STORES_MAX, help="How many stores.")] = 2_000,
    days: Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="How many days from 2026-01-01.")] = 365,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same year.")] = 1,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Default: HOUFU_PORT, else 8000; 0 takes a free one."),
    ] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the report.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The report as one line of JSON on stdout.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Simulate a marketplace for a year, print the year, and serve the interface on it.

    It lives in a database of its own, houfu_demo, which each run makes anew; yours is not touched. With
    HOUFU_DATABASE=houfu_demo every other command works on it.
    """
    from houfu.commands.logging import configure_logging
    from houfu.lab.year import Scale

    settings = msgspec.structs.replace(settings_of(data_dir), database=None)
    configure_logging("error")
    scale = Scale(stores=stores, days=days, seed=seed)
    number = settings.port if port is None else port
    with (
        nullcontext() if no_serve else listening(settings.host, number) as listener,
        database(settings, migrated=False) as dsn,
    ):
        run(_demo(dsn, settings, scale, listener, as_json=as_json))


async def _demo(
    dsn: str, settings: Settings, scale: Scale, listener: socket.socket | None, *, as_json: bool
) -> None:
    from rich.console import Console

    from houfu.lab.sheet import print_report

    demo_dsn = await make_database(dsn)
    report = await simulate(demo_dsn, scale)
    console = Console(stderr=True)
    print_report(report, console if console.is_terminal else Console(stderr=True, width=PAPER_WIDTH))
    if as_json:
        tell(report)
    if report.ledger.first_break is not None or not report.tally_agrees:
        raise Failed(Exit.NO, "The year does not add up.", "This is a bug: please report the seed and sizes.")
    if listener is not None:
        await _serve(demo_dsn, settings, listener)


async def make_database(dsn: str) -> str:
    """Make the demo's database anew on the server of `dsn`; its DSN. Failed where one of that name is not ours."""
    import asyncpg

    from houfu.db.migrate import migrate
    from houfu.db.server import in_database

    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(_EXISTING, DATABASE)
        if row is not None:
            _must_be_ours(mark=row["mark"], busy=row["busy"])
            await connection.execute(f"drop database {DATABASE} with (force)")
        await connection.execute(f"create database {DATABASE}")
        await connection.execute(f"comment on database {DATABASE} is '{MARK}'")
        # A demo that loses power is simply run again.
        await connection.execute(f"alter database {DATABASE} set synchronous_commit = off")
    except asyncpg.InsufficientPrivilegeError:
        raise Failed(
            Exit.DATABASE,
            f"The database user may not create the database {DATABASE}.",
            "Allow it (alter role ... createdb), or unset DATABASE_URL to use the embedded server.",
        ) from None
    finally:
        await connection.close()
    demo_dsn = in_database(dsn, DATABASE)
    await migrate(demo_dsn)
    return demo_dsn


async def simulate(dsn: str, scale: Scale) -> Report:
    """Run the year in the migrated, empty database of `dsn`; the report, read from its books.

    The same scale writes the same books: ids are drawn from the seed, apart in each lane.
    """
    from houfu.app import open_service, publish_shipped, sandbox_clock
    from houfu.commands.progress import progress
    from houfu.core.ids import IdMaker
    from houfu.lab.report import Report, differences, figures
    from houfu.lab.year import ZONE, run_year
    from houfu.worker import Worker

    def ids(name: str) -> IdMaker:
        return IdMaker(random.Random(f"{scale.seed}|ids|{name}").getrandbits)  # noqa: S311 (repeatable on purpose)

    clock = await sandbox_clock(dsn, start=datetime.combine(scale.start, time(), ZONE))
    await publish_shipped(dsn, now=clock.now())
    async with open_service(
        dsn,
        clock=clock,
        lanes=LANES,
        ids=ids("service"),
        lane_ids=[ids(f"lane {number}") for number in range(LANES)],
    ) as service:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with progress("The year") as advance:
            tally = await run_year(
                engine_of(service),
                scale,
                on_progress=lambda number, of, day, sent: advance(
                    number, of, f"{day} {sent:,} commands, {sent / (loop.time() - begun):,.0f} a second"
                ),
            )
        # Keeps the clock where it stands, for the service that comes after.
        await service.part(Worker).move_clock(clock, clock.now())
        milliseconds = round((loop.time() - begun) * 1_000)
        await _analyze(dsn)
        async with service.pool.acquire() as connection:
            found = await figures(connection, zone=str(ZONE))
        proof = await _prove(service)
    different = differences(found, tally)
    for difference in different:
        say(difference)
    return Report(
        stores=scale.stores,
        days=scale.days,
        seed=scale.seed,
        first_day=scale.start,
        last_day=scale.start + timedelta(days=scale.days - 1),
        figures=found,
        ledger=proof,
        tally_agrees=not different,
        commands=tally.commands,
        run_milliseconds=milliseconds,
        commands_per_second=tally.commands * 1_000 // max(1, milliseconds),
    )


def engine_of(service: Service) -> Engine:
    """What a run drives, of the service's parts."""
    from houfu.core.calendar import Calendar
    from houfu.core.clock import SandboxClock
    from houfu.lab.year import Engine
    from houfu.lines.lanes import Lanes
    from houfu.policy.book import PolicyBook
    from houfu.withdrawals.actions import request_many
    from houfu.withdrawals.ask import Answer, Ask, Trouble
    from houfu.worker import Worker

    clock = service.clock
    if not isinstance(clock, SandboxClock):
        raise TypeError("a year is simulated on a clock that can be moved")

    def book() -> PolicyBook:
        return service.part(PolicyBook)

    async def withdraw(asks: Sequence[Ask]) -> list[Answer | Trouble]:
        now = clock.now()
        async with service.pool.acquire() as connection:
            return await request_many(
                connection,
                asks,
                policy=book().at(now),
                calendar=service.part(Calendar),
                ids=service.ids,
                now=now,
            )

    return Engine(
        pool=service.pool,
        lanes=service.part(Lanes),
        clock=clock,
        book=book,
        ids=service.ids,
        run_due=partial(service.part(Worker).run_due, at_rest=False),
        withdraw=withdraw,
    )


async def _prove(service: Service) -> Proof:
    from houfu.commands.progress import progress
    from houfu.ledger.verify import INVARIANTS, verify
    from houfu.lines.invariants import INVARIANTS as OF_LINES
    from houfu.reconciliation.invariants import INVARIANTS as OF_RECONCILIATION
    from houfu.withdrawals.invariants import INVARIANTS as OF_WITHDRAWALS

    with progress("Proving the books") as advance:
        return await verify(
            service.pool.acquire,
            {**INVARIANTS, **OF_LINES, **OF_WITHDRAWALS, **OF_RECONCILIATION},
            connections=2,
            on_progress=lambda proven, of: advance(proven, of, "stores"),
        )


async def _analyze(dsn: str) -> None:
    """Let the database know its tables before whole ones are read."""
    import asyncpg

    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("analyze")
    finally:
        await connection.close()


async def _serve(dsn: str, settings: Settings, listener: socket.socket) -> None:
    from houfu.app import build, open_service, sandbox_clock
    from houfu.core.clock import SystemClock
    from houfu.db.keys import create_key
    from houfu.lab.report import well_chosen_store

    clock = await sandbox_clock(dsn, start=None)
    async with open_service(dsn, clock=clock, pool_size=settings.pool_size) as service:
        made = SystemClock().now()
        async with service.pool.acquire() as connection:
            store_id = await well_chosen_store(connection) or "s00001"
            platform = await create_key(
                connection, role="platform", store_id=None, name="demo platform", now=made
            )
            operator = await create_key(
                connection, role="operator", store_id=None, name="demo operator", now=made
            )
            merchant = await create_key(
                connection, role="merchant", store_id=store_id, name="demo merchant", now=made
            )
        url = url_of(listener)
        say("")
        say(f"The clock stands at {clock.now().astimezone().isoformat()}; it moves when you move it.")
        say(f"platform key  {platform.key}")
        say(f"operator key  {operator.key}")
        say(f"merchant key  {merchant.key}  (store {store_id})")
        say("")
        for line in curl_lines(url, platform=platform.key, merchant=merchant.key, store_id=store_id):
            say(line)
        say("")
        say(
            f"Try it in the browser: {url}/docs. Prove the books again: DATABASE_URL='{dsn}' houfu ledger verify"
        )
        await serve_on(listener, build(service))


def curl_lines(url: str, *, platform: str, merchant: str, store_id: str) -> tuple[str, str, str]:
    """Three calls to begin with: a store's limit, why it is so, and a buyer's order on it."""
    order = f'{{"store_id": "{store_id}", "order_id": "first", "buyer_id": "b1", "amount": 1000}}'
    return (
        f"curl -s {url}/v1/stores/{store_id}/line -H 'Authorization: Bearer {merchant}'",
        f"curl -s {url}/v1/stores/{store_id}/line/explanation -H 'Authorization: Bearer {merchant}'",
        f"curl -s {url}/v1/authorizations -H 'Authorization: Bearer {platform}' -H 'Idempotency-Key: first'"
        f" -H 'Content-Type: application/json' -d '{order}'",
    )


def _must_be_ours(*, mark: str | None, busy: int) -> None:
    if mark != MARK:
        raise Failed(
            Exit.NO,
            f"There is a database {DATABASE} that houfu demo did not make.",
            "Rename it (alter database ... rename to ...), or use another --data-dir.",
        )
    if busy:
        raise Failed(
            Exit.NO,
            f"Another houfu demo is using the database {DATABASE}.",
            "Stop it, or use another --data-dir.",
        )


_EXISTING = """
select shobj_description(d.oid, 'pg_database') as mark,
       (select count(*) from pg_stat_activity a where a.datid = d.oid and a.backend_type = 'client backend') as busy
from pg_database d where d.datname = $1
"""
