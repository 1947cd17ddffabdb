"""`houfu keys`: make, list and revoke API keys."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell
from houfu.core.clock import SystemClock
from houfu.core.ids import STORE_ID
from houfu.db.keys import KEY_ID, ROLES, Role, create_key, list_keys, revoke_key
from houfu.db.tx import Connection, connect
from houfu.settings import Settings

T = TypeVar("T")

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@app.command()
def create(
    role: Annotated[str, typer.Option(metavar="ROLE", help="platform, operator, merchant or readonly.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What history calls the key's holder.")],
    store: Annotated[
        str | None, typer.Option(metavar="ID", help="The one store of a merchant's key.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown here, once: only its hash is kept."""
    chosen = _role(role)
    if not 1 <= len(name) <= 100 or _CONTROL.search(name):
        raise Failed(Exit.USAGE, "--name must be 1 to 100 printable characters.")
    if (chosen == "merchant") != (store is not None):
        raise Failed(Exit.USAGE, "--store goes with --role merchant, and --role merchant needs it.")
    if store is not None and not STORE_ID.fullmatch(store):
        raise Failed(Exit.USAGE, "--store must be a store's id: letters, digits, _ . -, at most 64.")

    async def make(connection: Connection) -> object:
        return await create_key(connection, role=chosen, store_id=store, name=name, now=SystemClock().now())

    tell(_in_database(settings_of(data_dir), make))
    say("Keep the key: it is not shown again.")


@app.command("list")
def list_all(data_dir: DataDir = None) -> None:
    """List all keys, revoked ones too; the keys themselves are not kept."""
    tell({"data": _in_database(settings_of(data_dir), list_keys)})


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The id that create and list show.")],
    data_dir: DataDir = None,
) -> None:
    """Revoke a key; running services stop taking it within two seconds."""
    if not KEY_ID.fullmatch(key_id):
        raise Failed(Exit.USAGE, "KEY_ID must be 12 hexadecimal digits, as `houfu keys list` shows.")

    async def revoke_it(connection: Connection) -> object:
        return await revoke_key(connection, key_id, now=SystemClock().now())

    revoked = _in_database(settings_of(data_dir), revoke_it)
    if revoked is None:
        raise Failed(Exit.NO, f"There is no key {key_id}.", "`houfu keys list` shows them all.")
    tell(revoked)


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise Failed(Exit.USAGE, f"--role must be one of {', '.join(ROLES)}.")


def _in_database(settings: Settings, act: Callable[[Connection], Awaitable[T]]) -> T:
    async def run(dsn: str) -> T:
        connection = await connect(dsn, as_app=False)
        try:
            return await act(connection)
        finally:
            await connection.close()

    with database(settings) as dsn:
        return asyncio.run(run(dsn))
