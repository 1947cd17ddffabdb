"""The command line: `houfu`. Each command imports what it needs when it runs, so that small ones start at once."""

import signal
import sys
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from houfu.commands import (
    bank,
    bench,
    calendar,
    demo,
    doctor,
    importing,
    keys,
    ledger,
    migrate,
    payouts,
    policy,
    quote,
    reconcile,
    serve,
    statement,
)
from houfu.commands.console import Exit, Failed, give_up, say


class _Commands(TyperGroup):
    """Every command. One that is interrupted ends as such; left to typer it would be an abort with exit code 1."""

    def invoke(self, ctx: Any) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Failed(Exit.INTERRUPTED, "interrupted") from None


app = typer.Typer(
    name="houfu",
    cls=_Commands,
    help="Pay-later for a marketplace: limits for stores, credit for buyers, books that balance.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("import")(importing.import_files)
app.command("bank")(bank.bank)
app.command("migrate")(migrate.migrate)
app.command("quote")(quote.quote)
app.command("doctor")(doctor.doctor)
app.add_typer(keys.app, name="keys")
app.add_typer(policy.app, name="policy")
app.add_typer(ledger.app, name="ledger")
app.add_typer(payouts.app, name="payouts")
app.add_typer(calendar.app, name="calendar")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(statement.app, name="statement")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Run the command line; the process ends with a documented exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app()
    except Failed as failed:
        give_up(failed)
    except KeyboardInterrupt:
        say("houfu: interrupted")
        sys.exit(int(Exit.INTERRUPTED))
    except BrokenPipeError:
        # Whoever read our output has had enough.
        sys.stderr.close()
        sys.exit(int(Exit.DONE))


def _terminated(_number: int, _frame: FrameType | None) -> None:
    """Leave by way of every `finally`: a PostgreSQL that was started here is stopped again."""
    raise SystemExit(int(Exit.TERMINATED))


if __name__ == "__main__":
    main()
