"""What every command shares: the two streams, the exit codes, the data directory and the database in it."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from houfu.settings import SettingInvalid, Settings, read_settings

if TYPE_CHECKING:
    from houfu.payouts.rails.config import RailsConfig


class Exit(IntEnum):
    """Every exit code; `docs/reference/exit-codes.md` lists the same."""

    DONE = 0
    NO = 1
    USAGE = 2
    DATABASE = 3
    SCHEMA = 4
    ADDRESS = 5
    ENGINE = 6
    INTERRUPTED = 130
    TERMINATED = 143


class Failed(Exception):
    """Ends a command: one sentence for people, what helps, and the exit code."""

    def __init__(self, code: Exit, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.remedy = remedy


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where the embedded PostgreSQL and files live. Default: HOUFU_DATA_DIR, else ~/.local/share/houfu.",
    ),
]


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of the environment, with the directory that the command line names."""
    try:
        settings = read_settings(os.environ)
    except SettingInvalid as invalid:
        raise Failed(
            Exit.USAGE, str(invalid), "Correct it or unset it; docs/reference/settings.md lists all."
        ) from None
    return settings if data_dir is None else msgspec.structs.replace(settings, data_dir=data_dir.expanduser())


def rails_of(settings: Settings) -> "RailsConfig | None":
    """The rails of the file that HOUFU_RAILS names; None where it names none. Failed with every fault of the file."""
    if settings.rails is None:
        return None
    from houfu.payouts.rails.config import RailsInvalid, read_rails
    from houfu.policy.source import SOURCE_BYTES_MAX

    text = read_input(settings.rails, bytes_max=SOURCE_BYTES_MAX)
    try:
        return read_rails(text)
    except RailsInvalid as invalid:
        raise Failed(Exit.USAGE, f"{settings.rails} cannot be used:\n{invalid}") from None


@contextmanager
def database(settings: Settings, *, migrated: bool = True) -> Generator[str]:
    """The DSN of the database, started here if need be and brought to this version's schema."""
    import asyncio

    from asyncpg import InvalidCatalogNameError

    from houfu.db.migrate import MigrationError, migrate
    from houfu.db.server import ServerError, in_database, open_server

    try:
        with open_server(
            data_dir=settings.data_dir, database_url=settings.database_url, on_progress=say
        ) as server:
            dsn = server.dsn if settings.database is None else in_database(server.dsn, settings.database)
            if migrated:
                for name in asyncio.run(migrate(dsn)):
                    say(f"Applied {name}")
            yield dsn
    except ServerError as error:
        raise Failed(Exit.DATABASE, str(error), error.remedy) from None
    except InvalidCatalogNameError:
        raise Failed(
            Exit.DATABASE,
            f"The server has no database {settings.database}.",
            "Correct or unset HOUFU_DATABASE; `houfu demo` makes houfu_demo.",
        ) from None
    except MigrationError as error:
        raise Failed(Exit.SCHEMA, str(error)) from None


def read_input(file: Path, *, bytes_max: int | None = None) -> bytes:
    """The content of a file named on the command line. Of one longer than `bytes_max` only so much that it shows."""
    try:
        with file.open("rb") as opened:
            return opened.read(-1 if bytes_max is None else bytes_max + 1)
    except OSError as error:
        raise Failed(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from None


def tell(answer: object) -> None:
    """The command's answer, one line of JSON on stdout."""
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


def say(sentence: str) -> None:
    """Words for people, on stderr."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def give_up(failed: Failed) -> NoReturn:
    """End the process as the failure says."""
    say(f"houfu: {failed}")
    if failed.remedy:
        say(failed.remedy)
    raise SystemExit(int(failed.code))
