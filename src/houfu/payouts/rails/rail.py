"""The port of a rail: what every way to a bank can do, and the names that may travel over one."""

import re
from typing import Final, Protocol, runtime_checkable

import msgspec

from houfu.iso20022.message import MessageRefused

REPORT_BYTES_MAX: Final = 128 * 1024 * 1024
"""The largest report that is fetched."""
QUIET_SECONDS: Final = 5
"""How long a report lies unchanged before it is offered, where the far side may still be writing it."""
ARCHIVES: Final = ("sent", "done", "../sent", "../done")
"""Where transfer software puts a file that it took away, as seen from the directory of files to send."""
TAKEN: Final = "taken"
"""Where a report goes once it is recorded, as seen from the directory of reports."""

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,34}")
_REPORT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_UNFINISHED: Final = (".part", ".tmp", ".filepart", ".swp")


class RailAway(Exception):
    """The bank cannot be reached: try again later. Whether it has the file is told by asking."""


class RailRefused(Exception):
    """The bank will not take the file: why, in words. Trying again with the same file changes nothing."""


class Waiting(msgspec.Struct, frozen=True):
    """A report that waits to be fetched. `size` is in bytes, None where the bank does not say."""

    name: str
    size: int | None


class Rail(Protocol):
    """A way to a bank. One file is delivered by one sender at a time; every method may raise RailAway."""

    async def deliver(self, message_id: str, content: bytes) -> None:
        """Hand the file over, whole or not at all. The same id with the same content again does no harm.

        RailAway leaves open whether the bank has it: ask `has` before delivering again. RailRefused is final.
        """
        ...

    async def has(self, message_id: str, content: bytes) -> bool:
        """Whether the bank's side has this very file, whole."""
        ...

    async def waiting(self, *, limit: int) -> list[Waiting]:
        """At most `limit` reports that were not taken yet, oldest first."""
        ...

    async def fetch(self, name: str) -> bytes:
        """The report of that name. MessageRefused where it may not be fetched: its name or its size."""
        ...

    async def taken(self, name: str) -> None:
        """The report was recorded: it is not offered again. Twice is once."""
        ...


@runtime_checkable
class KeptOpen(Protocol):
    """A rail that keeps a connection between calls."""

    async def close(self) -> None:
        """Give the connection up. The next call makes a new one."""
        ...


async def close_rail(rail: Rail) -> None:
    """Give up whatever the rail keeps open."""
    if isinstance(rail, KeptOpen):
        await rail.close()


def file_name(message_id: str) -> str:
    """The name a payment file travels under. ValueError for an id that cannot be one."""
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise ValueError(f"{message_id!r} is no message id: up to 35 letters, digits and -")
    return f"{message_id}.xml"


def may_be_report(name: str) -> bool:
    """Whether a report may bear this name: one plain name, finished, that leads nowhere else."""
    return _REPORT_NAME.fullmatch(name) is not None and not is_unfinished(name)


def report_name(name: str) -> str:
    """`name`, where a report may bear it. MessageRefused otherwise."""
    if not may_be_report(name):
        raise MessageRefused(f"{name!r} is no name of a report: letters, digits, '.', '_' and '-', up to 128")
    return name


def is_unfinished(name: str) -> bool:
    """Whether the name says that its file is still being written, or is somebody's own."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def within_size(size: int, *, name: str) -> None:
    """MessageRefused where a report of `size` bytes is larger than is fetched."""
    if size > REPORT_BYTES_MAX:
        raise MessageRefused(f"{name} is larger than {REPORT_BYTES_MAX // (1024 * 1024)} MB")
