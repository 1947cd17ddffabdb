"""`houfu import`: a marketplace's own stores, metrics and orders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell

if TYPE_CHECKING:
    from houfu.importing.fault import Faults
    from houfu.importing.load import Files, Imported

FAULTS_SAID_MAX = 20
"""Faults told to people; the lines on stdout are the first 1,000."""


def import_files(
    stores: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Stores, CSV (UTF-8, with a head) or Parquet.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their metrics, a row for each month.")
    ] = None,
    orders: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their orders, each with how far it has got.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the files; load nothing.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Load stores, their monthly metrics and their orders; every row is checked before any is loaded.

    A fault is a line of JSON on stdout: file, line, column, reason. Then nothing is loaded and the exit code is 1.
    """
    from houfu.commands.serve import run
    from houfu.importing.load import Files

    if stores is None and metrics is None and orders is None:
        raise Failed(Exit.USAGE, "Name at least one of --stores, --metrics and --orders.")
    with database(settings_of(data_dir)) as dsn:
        run(_import(dsn, Files(stores=stores, metrics=metrics, orders=orders), check=check))


async def _import(dsn: str, files: "Files", *, check: bool) -> None:
    from houfu.app import kept_moment, open_service, publish_shipped
    from houfu.commands.progress import progress
    from houfu.core.clock import SandboxClock, SystemClock
    from houfu.db.tx import connect
    from houfu.importing.load import Imported, check_files, load_checked
    from houfu.importing.orders import OrderFailed
    from houfu.lines.lanes import Lanes, Unavailable
    from houfu.policy.book import PolicyBook

    connection = await connect(dsn, as_app=False)
    try:
        # The sandbox's time where the database is a sandbox's: what is imported belongs to its world.
        kept = await kept_moment(connection)
    finally:
        await connection.close()
    clock = SystemClock() if kept is None else SandboxClock(kept)
    now = clock.now()
    await publish_shipped(dsn, now=now)
    async with open_service(dsn, clock=clock) as service, service.pool.acquire() as connection:
        book = service.part(PolicyBook)
        policy = book.at(now)
        checked, faults = await check_files(connection, files, policy=policy, now=now)
        if faults.count:
            _tell_faults(faults)
        if check:
            done = Imported(
                loaded=False,
                stores_read=len(checked.stores),
                metrics_read=len(checked.metrics),
                orders_read=len(checked.orders),
            )
        else:
            with progress("Loading orders") as advance:
                try:
                    done = await load_checked(
                        connection,
                        service.part(Lanes),
                        files,
                        checked,
                        book=book,
                        ids=service.ids,
                        now=now,
                        on_progress=lambda loaded, of: advance(loaded, of, ""),
                    )
                except OrderFailed as failed:
                    raise Failed(
                        Exit.NO, f"An order could not be loaded: {failed}.", "Run the same import again."
                    ) from None
                except Unavailable:
                    raise Failed(
                        Exit.DATABASE, "The database went away.", "Run the same import again: it goes on."
                    ) from None
    tell(done)
    _say_done(done)


def _tell_faults(faults: "Faults") -> None:
    """Every fault, and the end of the command."""
    for fault in faults.shown:
        tell(fault)
    for fault in faults.shown[:FAULTS_SAID_MAX]:
        where = f"{fault.file}, line {fault.line}" + (f", {fault.column}" if fault.column else "")
        say(f"{where}: {fault.reason}")
    if faults.count > FAULTS_SAID_MAX:
        say(f"... and {faults.count - FAULTS_SAID_MAX} more.")
    raise Failed(
        Exit.NO,
        f"{faults.count} fault{'s' if faults.count > 1 else ''}: nothing was loaded.",
        "Correct the rows and import again.",
    )


def _say_done(done: "Imported") -> None:
    read = f"{done.stores_read} stores, {done.metrics_read} months and {done.orders_read} orders"
    if not done.loaded:
        say(f"{read} are without fault. Nothing was loaded.")
        return
    say(f"{read} were read.")
    if (stores := done.stores) is not None:
        say(
            f"{stores.stores} stores and {stores.metrics} months were new or changed; {stores.lines} lines were opened."
        )
        if stores.not_assessed:
            say(f"{stores.not_assessed} stores have no line yet, the first because:")
            say(f"  {stores.not_assessed_shown[0].store_id}: {stores.not_assessed_shown[0].reason}")
    if (orders := done.orders) is not None:
        resumed = f" ({orders.resumed} of them by an earlier run)" if orders.resumed else ""
        say(f"{orders.authorized} orders were authorized{resumed}, {orders.refused} refused.")
