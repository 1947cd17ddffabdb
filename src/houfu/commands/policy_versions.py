"""`houfu policy publish` and `show`: the versions of the programme's policy."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, read_input, settings_of, tell


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
    from houfu.policy.document import Policy
    from houfu.policy.fault import PolicyInvalid
    from houfu.policy.publishing import publish as put_in_force

    since = None if effective_from is None else moment("--effective-from", effective_from)
    text = read_input(file).decode("utf-8", errors="replace")

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
