"""The HTTP door: puts the parts together, and takes them apart again in order."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final, Literal

import msgspec
import structlog

from houfu.calendars import actions as calendars
from houfu.calendars import api as calendars_api
from houfu.core.calendar import Calendar
from houfu.core.clock import Clock, SandboxClock, SystemClock
from houfu.core.ids import IdMaker
from houfu.db.migrate import app_role_usable, applied, missing, shipped
from houfu.db.queries import load
from houfu.db.tx import Connection, connect, open_pool, without_values
from houfu.events import api as events_api
from houfu.funding import api as funding_api
from houfu.http.asgi import Door
from houfu.http.caller import BACK_OFFICE, EVERYONE
from houfu.http.docs import pages
from houfu.http.fields import Moment, Nothing, moment_of
from houfu.http.openapi import openapi
from houfu.http.problem import Problem, invalid
from houfu.http.reply import Reply, reply
from houfu.http.route import AnyRoute, Call, Route, Service
from houfu.ledger import api as ledger_api
from houfu.lines import api as lines_api
from houfu.lines import run_api
from houfu.lines.lanes import LANES, Lanes
from houfu.payouts import api as payouts_api
from houfu.payouts.opening import open_rails
from houfu.payouts.rails.config import RailsConfig
from houfu.payouts.rails.rail import close_rail
from houfu.payouts.simulated import RAILS as SIMULATED
from houfu.payouts.simulated import habits_of
from houfu.payouts.work import Payouts, Rails
from houfu.policy import api as policy_api
from houfu.policy.book import PolicyBook
from houfu.policy.document import shipped_text
from houfu.policy.publishing import open_policy_book, publish, refreshed
from houfu.reconciliation import api as reconciliation_api
from houfu.reconciliation.desk import desk_of
from houfu.statements import api as statements_api
from houfu.statements import report_api
from houfu.statements.refreshing import Reports
from houfu.stores import api as stores_api
from houfu.stores.bank_account import AccountTermsAt
from houfu.withdrawals import api as withdrawals_api
from houfu.withdrawals import fee_api, redating_api, review_api
from houfu.withdrawals.lanes import Lanes as WithdrawalLanes
from houfu.withdrawals.redating import Redater
from houfu.withdrawals.terms import withdrawal_terms
from houfu.worker import Done, Worker

SINCE_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""From when the shipped policy is in force where no other was published before."""
WORK_EVERY_SECONDS: Final = 1
CLOCK_STRIDE_MAX: Final = timedelta(days=3 * 366)
"""How far one call may move a sandbox's clock: everything due on the way happens while the caller waits."""

_SQL = load("houfu.db")
_log = structlog.get_logger()


class Health(msgspec.Struct, frozen=True):
    """The service is there."""

    status: Literal["live", "ready"]


class ClockBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The moment the sandbox's clock shall show."""

    now: Moment


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the sandbox's clock stands, and what was done on the way there."""

    now: datetime
    done: Done


async def live(call: Call[Nothing, Nothing, Nothing]) -> Reply:  # noqa: ARG001 (every call takes one)
    """The process answers."""
    return reply(200, Health("live"))


async def ready(call: Call[Nothing, Nothing, Nothing]) -> Reply:
    """The database answers and has this version's schema."""
    dsn = call.service.part(Database).dsn
    if missing(await applied(dsn), shipped()):
        raise Problem("unavailable")
    return reply(200, Health("ready"))


async def move_clock(call: Call[Nothing, Nothing, ClockBody]) -> Reply:
    """Move the sandbox's clock forward; everything due on the way happens."""
    clock = call.service.clock
    if not isinstance(clock, SandboxClock):
        raise Problem("sandbox_off")
    to = moment_of("now", call.body.now)
    async with call.service.part(Moving):
        if to < clock.now():
            raise Problem("clock_goes_back")
        if to - clock.now() > CLOCK_STRIDE_MAX:
            raise invalid("now", f"lies more than {CLOCK_STRIDE_MAX.days} days ahead of the clock")
        await take_up_news(call.service)
        done = await call.service.part(Worker).move_clock(clock, to)
        await take_up_news(call.service)
        return reply(200, ClockView(now=clock.now(), done=done))


class Moving(asyncio.Lock):
    """Held while the sandbox's clock moves: one caller moves it at a time."""


class Database(msgspec.Struct, frozen=True):
    """Where the service's database is."""

    dsn: str


def routes() -> list[AnyRoute]:
    """Every route of the service."""
    return [
        *stores_api.routes(),
        *lines_api.routes(),
        *run_api.routes(),
        *funding_api.routes(),
        *events_api.routes(),
        *policy_api.routes(),
        *ledger_api.routes(),
        *withdrawals_api.routes(),
        *fee_api.routes(),
        *review_api.routes(),
        *redating_api.routes(),
        *payouts_api.routes(),
        *reconciliation_api.routes(),
        *statements_api.routes(),
        *report_api.routes(),
        *calendars_api.routes(),
        Route(
            method="POST",
            address="/v1/sandbox/clock",
            operation="move_clock",
            summary="Move the one clock forward; only where the service was started with --sandbox",
            tag="sandbox",
            roles=BACK_OFFICE,
            path=Nothing,
            query=Nothing,
            body=ClockBody,
            answers={200: ClockView},
            handle=move_clock,
            problems=frozenset({"sandbox_off", "clock_goes_back"}),
        ),
        Route(
            method="GET",
            address="/healthz",
            operation="live",
            summary="The process answers",
            tag="health",
            roles=EVERYONE,
            path=Nothing,
            query=Nothing,
            body=Nothing,
            answers={200: Health},
            handle=live,
            public=True,
        ),
        Route(
            method="GET",
            address="/readyz",
            operation="ready",
            summary="The database answers and is migrated",
            tag="health",
            roles=EVERYONE,
            path=Nothing,
            query=Nothing,
            body=Nothing,
            answers={200: Health},
            handle=ready,
            public=True,
        ),
    ]


@asynccontextmanager
async def open_service(
    dsn: str,
    *,
    clock: Clock | None = None,
    pool_size: int = 8,
    lanes: int = LANES,
    ids: IdMaker | None = None,
    lane_ids: Sequence[IdMaker] | None = None,
    rails: RailsConfig | None = None,
) -> AsyncGenerator[Service]:
    """The service's parts over a migrated database with a policy, for as long as the context lasts.

    On leaving, what the lanes have accepted is carried out before the connections close. A simulation brings the
    makers of its ids, one for each of the `lanes` and one for everything else. Without `rails` the simulated bank pays.
    """
    clock = clock or SystemClock()
    ids = ids or IdMaker()
    as_app = await app_role_usable(dsn)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(dsn, as_app=as_app, size=pool_size))
        async with pool.acquire() as connection:
            book = await open_policy_book(connection)
            policy = book.at(clock.now())
            calendar = await calendars.effective_calendar(connection, policy.terms.calendar, now=clock.now())
        service = Service(
            pool=pool,
            clock=clock,
            ids=ids,
            parts=(book, policy.zone, calendar, Moving(), Database(dsn)),
        )

        def book_now() -> PolicyBook:
            return service.part(PolicyBook)

        service.put(AccountTermsAt(lambda now: book_now().at(now).terms.withdrawals.bank_account))
        engine = Lanes(
            lambda: connect(dsn, as_app=as_app, steady_plans=True),
            clock=clock,
            terms_at=lambda now: book_now().at(now).terms.orders,
            ids=lane_ids or ids,
            lanes=lanes,
        )
        service.put(await stack.enter_async_context(engine))
        withdrawals = WithdrawalLanes(
            lambda: connect(dsn, as_app=as_app, steady_plans=True),
            clock=clock,
            policy_at=lambda now: book_now().at(now),
            calendar=lambda: service.part(Calendar),
            ids=ids,
            lanes=lanes,
        )
        service.put(await stack.enter_async_context(withdrawals))
        opened = open_rails(rails or SIMULATED, pool, clock=clock, habits=habits_of(policy))
        for way in opened.ways.values():
            stack.push_async_callback(close_rail, way)
        service.put(opened)
        payouts = Payouts(
            pool,
            lambda: service.part(Rails),
            desk_of(book_now, lambda: service.part(Calendar), ids),
            terms_at=lambda now: withdrawal_terms(book_now().at(now).terms),
            ids=ids,
        )
        redater = Redater(pool, policy_at=lambda now: book_now().at(now), ids=ids)
        service.put(
            Worker(
                pool, engine, book=book_now, ids=ids, payouts=payouts, dates=redater, reports=Reports(pool)
            )
        )
        yield service


def build(service: Service) -> Door:
    """The ASGI application over the service."""
    every = routes()
    return Door(every, service, document=openapi(every, version=version("houfu")), pages=pages())


@asynccontextmanager
async def working(service: Service) -> AsyncGenerator[None]:
    """Due work is done as its time comes, for as long as the context lasts."""
    task = asyncio.create_task(_work(service))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _work(service: Service) -> None:
    while True:
        try:
            await take_up_news(service)
            await service.part(Worker).run_due(service.clock.now())
        except Exception as fault:
            # Whatever it was, what is due stays due and is tried again.
            _log.error("due_work_failed", **without_values(fault))
        await asyncio.sleep(WORK_EVERY_SECONDS)


async def take_up_news(service: Service) -> None:
    """Let the service know of policies that were published, and of holiday notices that came, while it ran."""
    now = service.clock.now()
    async with service.pool.acquire() as connection:
        book = await refreshed(connection, service.part(PolicyBook))
        service.put(book)
        name = book.at(now).terms.calendar
        service.put(await calendars.refreshed(connection, service.part(Calendar), name, now=now))


async def publish_shipped(dsn: str, *, now: datetime) -> None:
    """Put the shipped policy in force where none was ever published."""
    connection = await connect(dsn, as_app=False)
    try:
        if not await connection.fetchval("select exists (select from policy_publications)"):
            await publish(
                connection,
                shipped_text(),
                effective_from=SINCE_EVER,
                author="houfu",
                approved_by="installation",
                now=now,
            )
    finally:
        await connection.close()


async def sandbox_clock(dsn: str, *, start: datetime | None) -> SandboxClock:
    """The sandbox's clock where it was left, else at `start`, else at the present; kept from now on."""
    connection = await connect(dsn, as_app=False)
    try:
        kept = await kept_moment(connection)
        clock = SandboxClock(kept or start or SystemClock().now())
        await connection.execute(_SQL["move_sandbox_clock"], clock.now())
        return clock
    finally:
        await connection.close()


async def kept_moment(connection: Connection) -> datetime | None:
    """Where a sandbox's clock was left; None where there was no sandbox."""
    return await connection.fetchval(_SQL["read_sandbox_clock"])
