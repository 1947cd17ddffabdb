"""`houfu policy diff`, `snapshots`, `backtest`, `explain`: what another policy would do, before it is published."""

import asyncio
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, read_input, say, settings_of, tell
from houfu.policy.document import Policy

if TYPE_CHECKING:
    from houfu.policy.history import Moment
    from houfu.policy.snapshots import Snapshots

SHIPPED = "shipped"

Named = "A file, the number of a version that was proposed, or `shipped` for the packaged one."
_NOTHING_KNOWN = (
    "Records count from when they were recorded; for a history that was imported give --backfilled."
)
_NAMED_ON_SCREEN = 5


class Every(StrEnum):
    """How often a store is looked at."""

    MONTH = "month"
    QUARTER = "quarter"


FirstDay = Annotated[str | None, typer.Option("--from", metavar="DAY", help="Default: a year before --to.")]
LastDay = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Default: today.")]
LookedAt = Annotated[Every, typer.Option(help="How often a store is looked at.")]
Backfilled = Annotated[
    bool,
    typer.Option(
        "--backfilled",
        help="What was recorded long after it happened counts from when it happened: for a history that was imported.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The moments that were asked for."""

    first: str | None
    last: str | None
    every: Every
    day: int | None
    backfilled: bool


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=Named)],
    b: Annotated[str, typer.Argument(metavar="B", help=Named)],
    data_dir: DataDir = None,
) -> None:
    """Tell what B says that A does not, and the other way round. Exit code 0 also where nothing differs."""
    from houfu.policy.diff import diff as differences

    before, after = named_policies((a, b), data_dir)
    told = differences(before, after)
    for change in told.changes:
        say(f"{change.path} ({change.kind})\n    {change.en}\n    {change.zh}")
    count = len(told.changes)
    say(
        f"{count} change{'' if count == 1 else 's'} from version {told.a.version} to version {told.b.version}."
    )
    tell(told)


def snapshots(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.parquet", help="Where the history is written.")],
    first: FirstDay = None,
    last: LastDay = None,
    every: LookedAt = Every.MONTH,
    day: Annotated[
        int | None, typer.Option(min=1, max=28, help="Day of the month. Default: the policy's check day.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(metavar="POLICY", help=f"{Named} Once or twice.")
    ] = None,
    backfilled: Backfilled = False,
    data_dir: DataDir = None,
) -> None:
    """Write the inputs of every store at moments of the past, as they could be known then, as one Parquet file."""
    names = tuple(policy or (SHIPPED,))
    if len(names) > 2:
        raise Failed(Exit.USAGE, "--policy is given at most twice.")
    policies = named_policies(names, data_dir)
    span = Span(first=first, last=last, every=every, day=day, backfilled=backfilled)
    with database(settings_of(data_dir)) as dsn:
        taken = _take(dsn, policies, out, span)
    _say_unmeasured(taken)
    say(f"{taken.rows} snapshots of {taken.stores} stores at {len(taken.moments)} moments are in {out}.")
    tell(taken)


def backtest(
    a: Annotated[str, typer.Argument(metavar="A", help=Named)],
    b: Annotated[str, typer.Argument(metavar="B", help=Named)],
    first: FirstDay = None,
    last: LastDay = None,
    every: LookedAt = Every.MONTH,
    day: Annotated[
        int | None, typer.Option(min=1, max=28, help="Day of the month. Default: A's check day.")
    ] = None,
    backfilled: Backfilled = False,
    history: Annotated[
        Path | None,
        typer.Option(
            "--snapshots", metavar="FILE.parquet", help="A history written before; no database is read then."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write the report, one file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.parquet", help="Write both decisions of every snapshot.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Tell what B would have done to the stores that A decided about: who gains, who loses, and the money."""
    import tempfile

    from houfu.commands.rehearsal_sheet import show_rehearsal
    from houfu.policy.backtest import SnapshotsUnfit, write_decisions
    from houfu.policy.backtest import backtest as rehearse

    before, after = named_policies((a, b), data_dir)
    with tempfile.TemporaryDirectory(prefix="houfu-backtest-") as folder:
        unmeasured: dict[str, int] = {}
        if history is None:
            history = Path(folder) / "snapshots.parquet"
            span = Span(first=first, last=last, every=every, day=day, backfilled=backfilled)
            with database(settings_of(data_dir)) as dsn:
                taken = _take(dsn, [before, after], history, span)
            _say_unmeasured(taken)
            unmeasured = taken.unmeasured
            if not taken.rows:
                raise Failed(Exit.NO, "No store could be measured at any of the moments.", _NOTHING_KNOWN)
        elif first or last or day or backfilled:
            raise Failed(Exit.USAGE, "--snapshots says which moments there are: leave the other options out.")
        try:
            rehearsal = rehearse(before, after, history, unmeasured=unmeasured)
            if out is not None:
                write_decisions(before, after, history, out)
        except SnapshotsUnfit as unfit:
            raise Failed(Exit.USAGE, f"{unfit}.") from None
    if html is not None:
        from houfu.reports.backtest import backtest_page

        _write(html, backtest_page(rehearsal))
    show_rehearsal(rehearsal)
    tell(rehearsal)


def explain(
    inputs: Annotated[
        Path, typer.Argument(metavar="INPUTS.json", help="The inputs, a JSON object of integers.")
    ],
    policy: Annotated[str, typer.Option(metavar="POLICY", help=Named)] = SHIPPED,
    today: Annotated[
        str | None, typer.Option(metavar="DAY", help="From when advice counts. Default: today.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write the picture, one file.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Tell how a limit comes about, step by step, and what would raise it."""
    from houfu.commands.rehearsal_sheet import show_waterfall
    from houfu.core.clock import SystemClock
    from houfu.policy.advice import advise
    from houfu.policy.evaluate import decode_inputs
    from houfu.policy.explain import explain as explained
    from houfu.policy.fault import InputInvalid, InputMissing
    from houfu.policy.periods import local_day

    (chosen,) = named_policies((policy,), data_dir)
    on = local_day(SystemClock().now(), chosen.zone) if today is None else _day("--today", today)
    try:
        given = decode_inputs(read_input(inputs))
        explanation = explained(chosen, given)
        advice = advise(chosen, given, today=on)
    except (InputMissing, InputInvalid) as wrong:
        raise Failed(Exit.USAGE, f"{inputs}: {wrong}") from None
    if html is not None:
        from houfu.reports.waterfall import waterfall_page

        _write(html, waterfall_page(explanation, advice))
    show_waterfall(explanation, advice)
    tell(
        {
            "decision": explanation.decision,
            "waterfall": explanation.waterfall,
            "advice": advice,
            "trace": explanation.trace,
        }
    )


def named_policies(names: tuple[str, ...], data_dir: Path | None) -> list[Policy]:
    """The policies named on the command line; a database is opened only where a number is."""
    from houfu.policy.document import load_policy, shipped_policy
    from houfu.policy.fault import PolicyInvalid

    numbers = [int(name) for name in names if name.isascii() and name.isdecimal()]
    proposed = _proposed(numbers, data_dir) if numbers else {}
    found: list[Policy] = []
    for name in names:
        if name == SHIPPED:
            found.append(shipped_policy())
        elif name.isascii() and name.isdecimal():
            found.append(proposed[int(name)])
        else:
            try:
                found.append(load_policy(read_input(Path(name))))
            except PolicyInvalid as invalid:
                raise Failed(Exit.USAGE, f"{name} cannot be used:\n{invalid}") from None
    return found


def _proposed(numbers: list[int], data_dir: Path | None) -> dict[int, Policy]:
    from houfu.db.tx import connect
    from houfu.policy.publication import VersionUnknown
    from houfu.policy.publishing import policy_of

    async def read(dsn: str) -> dict[int, Policy]:
        connection = await connect(dsn, as_app=False)
        try:
            return {number: await policy_of(connection, number) for number in numbers}
        finally:
            await connection.close()

    with database(settings_of(data_dir)) as dsn:
        try:
            return asyncio.run(read(dsn))
        except VersionUnknown as unknown:
            raise Failed(Exit.NO, f"{unknown}.", "`houfu policy list` shows what there is.") from None


def _take(dsn: str, policies: list[Policy], out: Path, span: Span) -> "Snapshots":
    """Write the history that the options ask for."""
    from houfu.app import kept_moment
    from houfu.commands.progress import progress
    from houfu.core.clock import SystemClock
    from houfu.db.tx import connect
    from houfu.policy.periods import local_day
    from houfu.policy.snapshots import take_snapshots

    if len({policy.terms.timezone for policy in policies}) > 1:
        raise Failed(Exit.USAGE, "The policies count their days in different time zones.")

    async def act() -> "Snapshots":
        connection = await connect(dsn, as_app=False)
        try:
            now = await kept_moment(connection) or SystemClock().now()
            moments = _moments(policies[0], span, local_day(now, policies[0].zone))
            with progress("Taking snapshots") as advance:
                return await take_snapshots(
                    connection,
                    policies,
                    out,
                    moments=moments,
                    backfilled=span.backfilled,
                    on_progress=advance,
                )
        finally:
            await connection.close()

    return asyncio.run(act())


def _moments(policy: Policy, span: Span, today: date) -> "tuple[Moment, ...]":
    from houfu.policy.history import check_day, moments
    from houfu.policy.periods import add_months

    last = today if span.last is None else _day("--to", span.last)
    first = add_months(last, -12) if span.first is None else _day("--from", span.first)
    if last > today:
        raise Failed(Exit.USAGE, f"--to must not lie after today, {today}.")
    found = moments(first, last, every=span.every.value, day=span.day or check_day(policy), zone=policy.zone)
    if not found:
        raise Failed(
            Exit.USAGE, f"No moment lies from {first} to {last}.", "Choose --from, --to or --day anew."
        )
    return found


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Failed(Exit.USAGE, f"{option} must be a day, YYYY-MM-DD.") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(Exit.USAGE, f"{file} cannot be written: {error.strerror}") from None
    say(f"The report is in {file}.")


def _say_unmeasured(taken: "Snapshots") -> None:
    """Who could not be measured: counted, and the first of them named."""
    for problem, count in taken.unmeasured.items():
        named = [each for each in taken.named if each.problem == problem][:_NAMED_ON_SCREEN]
        stores = ", ".join(f"{each.store_id} at {each.as_of}" for each in named)
        say(f"{count} not measured: {problem} ({stores}{', ...' if count > len(named) else ''})")
