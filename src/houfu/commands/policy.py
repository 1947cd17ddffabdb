"""`houfu policy`: check a policy document, publish one, show a published one, decide by one."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell

app = typer.Typer(help="Check, publish, show and evaluate policies.", no_args_is_help=True)


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy document, YAML.")],
    data_dir: DataDir = None,  # noqa: ARG001 (taken by every command; this one touches no database)
) -> None:
    """Check a document; every fault is told with its line. Exit code 1 where there is one."""
    from houfu.policy.document import load_policy
    from houfu.policy.fault import PolicyInvalid

    try:
        policy = load_policy(_read(file))
    except PolicyInvalid as invalid:
        for fault in invalid.faults:
            say(f"{file}:{fault}")
        tell({"valid": False, "faults": invalid.faults})
        raise SystemExit(int(Exit.NO)) from None
    terms = policy.terms
    tell({"valid": True, "name": terms.name, "version": terms.version, "sha256": policy.sha256})


@app.command()
def publish(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A policy document, YAML, with a version of its own.")
    ],
    author: Annotated[str, typer.Option(metavar="NAME", help="Who publishes it; it stays in the history.")],
    effective_from: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Since when it is in force. Default: now.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put a policy version in force. A running service takes it up within seconds, a sandbox when its clock moves."""
    from houfu.app import kept_moment
    from houfu.commands.quote import moment
    from houfu.core.clock import SystemClock
    from houfu.db.tx import connect
    from houfu.policy.actions import publish as put_in_force
    from houfu.policy.document import Policy
    from houfu.policy.fault import PolicyInvalid

    since = None if effective_from is None else moment("--effective-from", effective_from)
    text = _read(file).decode("utf-8", errors="replace")

    async def act(dsn: str) -> Policy:
        connection = await connect(dsn, as_app=False)
        try:
            now = await kept_moment(connection) or SystemClock().now()
            return await put_in_force(connection, text, effective_from=since or now, author=author, now=now)
        finally:
            await connection.close()

    with database(settings_of(data_dir)) as dsn:
        try:
            policy = asyncio.run(act(dsn))
        except PolicyInvalid as invalid:
            raise Failed(Exit.NO, f"{file} cannot be used:\n{invalid}") from None
        except ValueError as taken:
            raise Failed(Exit.NO, f"{file}: {taken}.") from None
    tell({"published": True, "version": policy.terms.version, "sha256": policy.sha256})


@app.command()
def show(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The number of a published version.")],
    data_dir: DataDir = None,
) -> None:
    """Show a published version: since when it is in force, its hash, its document."""
    from houfu.db.queries import load
    from houfu.db.tx import connect

    async def find(dsn: str) -> dict[str, object] | None:
        connection = await connect(dsn, as_app=False)
        try:
            rows = await connection.fetch(load("houfu.policy")["published"])
        finally:
            await connection.close()
        return next((dict(row) for row in rows if row["version"] == version), None)

    with database(settings_of(data_dir)) as dsn:
        found = asyncio.run(find(dsn))
    if found is None:
        raise Failed(
            Exit.NO,
            f"No version {version} is published.",
            "The service publishes the shipped one at its start.",
        )
    tell(found)


@app.command()
def evaluate(
    inputs: Annotated[
        Path, typer.Argument(metavar="INPUTS.json", help="The inputs, a JSON object of integers.")
    ],
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: the shipped policy.")] = None,
    data_dir: DataDir = None,  # noqa: ARG001 (taken by every command; this one touches no database)
) -> None:
    """Decide about a store by its inputs. Pure: it needs no database."""
    from houfu.policy.document import load_policy, shipped_policy
    from houfu.policy.evaluate import evaluate as decide
    from houfu.policy.fault import InputInvalid, InputMissing, PolicyInvalid

    try:
        given = msgspec.json.decode(_read(inputs), type=dict[str, int])
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise Failed(Exit.USAGE, f"{inputs} is no JSON object of integers: {broken}") from None
    try:
        chosen = shipped_policy() if policy is None else load_policy(_read(policy))
        tell(decide(chosen, given))
    except PolicyInvalid as invalid:
        raise Failed(Exit.USAGE, f"{policy} cannot be used:\n{invalid}") from None
    except (InputMissing, InputInvalid) as wrong:
        raise Failed(Exit.USAGE, f"{inputs}: {wrong}") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failed(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from None
