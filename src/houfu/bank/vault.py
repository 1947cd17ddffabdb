"""Where a bank that runs by itself keeps what it was given, as files: what it was set up with, and every file and deposit
in the order they came. Nothing is answered before it lies there, so a bank that is killed comes back the same.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec

_RECEIVED: Final = re.compile(r"(?P<number>[0-9]{8})-(?P<at>[0-9]{8}T[0-9]{12}Z)\.(?P<kind>xml|deposit)")
_MOMENT: Final = "%Y%m%dT%H%M%S%fZ"
_PART: Final = ".part"

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Received:
    """What came in at that moment: a file, or a deposit of so many fen."""

    at: datetime
    what: bytes | int


class Vault:
    """A directory of one bank's own. What it holds is never changed, only added to."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._received = directory / "received"
        self._received.mkdir(parents=True, exist_ok=True)
        for left in self._received.glob(f"*{_PART}"):
            # Of a bank that was killed while writing: nobody was answered.
            left.unlink()
        self._number = self._last_number()

    def received(self) -> Iterator[Received]:
        """Everything that came in, in order."""
        for name in sorted(self._names()):
            match = _RECEIVED.fullmatch(name)
            if match is not None:
                at = datetime.strptime(match["at"], _MOMENT).replace(tzinfo=UTC)
                content = (self._received / name).read_bytes()
                yield Received(at, content if match["kind"] == "xml" else int(content))

    def keep(self, received: Received) -> None:
        """Add what came in. OSError where it cannot be made to last."""
        kind, content = (
            ("xml", received.what)
            if isinstance(received.what, bytes)
            else ("deposit", str(received.what).encode())
        )
        name = f"{self._number + 1:08d}-{received.at.astimezone(UTC).strftime(_MOMENT)}.{kind}"
        try:
            write_whole(self._received / name, content)
        except OSError:
            # A write that failed late may have left its file: then the number is taken.
            self._number = self._last_number()
            raise
        self._number += 1

    def note(self, name: str, noted: msgspec.Struct) -> None:
        """Keep a note under this name; it replaces the one before."""
        write_whole(self._directory / f"{name}.json", msgspec.json.format(msgspec.json.encode(noted)))

    def noted(self, name: str, kind: type[T]) -> T | None:
        """The note of this name. ValueError where it is none."""
        path = self._directory / f"{name}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as fault:
            raise ValueError(f"{path} is no note of this bank: {fault}") from None

    def _last_number(self) -> int:
        return max((int(name[:8]) for name in self._names()), default=0)

    def _names(self) -> Iterator[str]:
        return (path.name for path in self._received.iterdir() if _RECEIVED.fullmatch(path.name))


def occupy(directory: Path) -> None:
    """Make sure that only this process works in `directory`, as long as it lives. ValueError where another does."""
    directory.mkdir(parents=True, exist_ok=True)
    # Not closed: the lock lasts as long as the process, however that ends.
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(f"Another bank runs in {directory}.") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, and stays when the machine stops."""
    part = path.with_name(f".{path.name}{_PART}")
    try:
        with part.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
