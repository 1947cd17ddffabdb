"""`houfu policy diff`: what another policy would change, before it is published."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, read_input, say, settings_of, tell
from houfu.policy.document import Policy

SHIPPED = "shipped"

Named = "A file, the number of a published version, or `shipped` for the packaged one."


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


def named_policies(names: tuple[str, ...], data_dir: Path | None) -> list[Policy]:
    """The policies named on the command line; a database is opened only where a published version is named."""
    from houfu.policy.document import load_policy, shipped_policy
    from houfu.policy.fault import PolicyInvalid

    numbers = [int(name) for name in names if name.isascii() and name.isdecimal()]
    published = _published(numbers, data_dir) if numbers else {}
    found: list[Policy] = []
    for name in names:
        if name == SHIPPED:
            found.append(shipped_policy())
        elif name.isascii() and name.isdecimal():
            found.append(published[int(name)])
        else:
            try:
                found.append(load_policy(read_input(Path(name))))
            except PolicyInvalid as invalid:
                raise Failed(Exit.USAGE, f"{name} cannot be used:\n{invalid}") from None
    return found


def _published(numbers: list[int], data_dir: Path | None) -> dict[int, Policy]:
    from houfu.db.tx import connect
    from houfu.policy.book import PolicyBook
    from houfu.policy.publishing import open_policy_book

    async def read(dsn: str) -> PolicyBook:
        connection = await connect(dsn, as_app=False)
        try:
            return await open_policy_book(connection)
        finally:
            await connection.close()

    with database(settings_of(data_dir)) as dsn:
        book = asyncio.run(read(dsn))
    found: dict[int, Policy] = {}
    for number in numbers:
        policy = book.version(number)
        if policy is None:
            known = ", ".join(str(version) for version in sorted(book.versions)) or "none"
            raise Failed(Exit.NO, f"No version {number} is published; there is {known}.")
        found[number] = policy
    return found
