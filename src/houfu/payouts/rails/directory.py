"""A rail of two directories: the bank's transfer software takes files from one and leaves reports in the other."""

import asyncio
import errno
import os
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final

from houfu.payouts.rails.rail import (
    ARCHIVES,
    QUIET_SECONDS,
    REPORT_BYTES_MAX,
    TAKEN,
    RailAway,
    RailRefused,
    Waiting,
    file_name,
    is_unfinished,
    may_be_report,
    report_name,
    within_size,
)

_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_SUFFIXES_MAX: Final = 1_000

Pause = Callable[[], Awaitable[object]]
_Look = tuple[int, int, int]  # inode, size, time of the last change of content


def quiet() -> Awaitable[object]:
    """The pause between the two looks at reports."""
    return asyncio.sleep(QUIET_SECONDS)


class DirectoryRail:
    """Files handed over in `outgoing`, reports found in `incoming`. Disks block: every look is made in a thread."""

    def __init__(
        self, *, outgoing: Path, incoming: Path, archives: Sequence[str] = ARCHIVES, pause: Pause = quiet
    ) -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._places = (outgoing, *(outgoing / archive for archive in archives))
        self._pause = pause
        self._fetched: dict[str, _Look] = {}

    async def deliver(self, message_id: str, content: bytes) -> None:
        """The file stands in `outgoing` under its final name, on the disk, or not at all."""
        await asyncio.to_thread(self._deliver, file_name(message_id), content)

    async def has(self, message_id: str, content: bytes) -> bool:
        """Whether the file lies in `outgoing` or in an archive, where its name may have grown a stamp."""
        return await asyncio.to_thread(self._has, file_name(message_id), content)

    async def waiting(self, *, limit: int) -> list[Waiting]:
        """The reports that are the same at two looks a pause apart: one that still grows waits for its next turn."""
        first = await asyncio.to_thread(self._look)
        if not first:
            return []
        await self._pause()
        second = await asyncio.to_thread(self._look)
        still = [(look[2], name, look[1]) for name, look in second.items() if first.get(name) == look]
        return [Waiting(name, size) for _, name, size in sorted(still)[:limit]]

    async def fetch(self, name: str) -> bytes:
        """A regular file directly in `incoming`; links are not followed."""
        return await asyncio.to_thread(self._fetch, report_name(name))

    async def taken(self, name: str) -> None:
        """The report moves to `incoming/taken`, unless another has come under its name since it was fetched."""
        await asyncio.to_thread(self._taken, report_name(name))

    def _deliver(self, name: str, content: bytes) -> None:
        part = self._outgoing / f".{name}.{token_hex(4)}.part"
        try:
            if self._there(name, content):
                return
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                _move_new(part, self._outgoing / name)
            except FileExistsError:
                # Another sender was quicker. What it sent is what counts.
                if not self._there(name, content):
                    raise
            _sync(self._outgoing)
        except OSError as error:
            raise RailAway(_words(error, self._outgoing)) from error
        finally:
            _forget(part)

    def _there(self, name: str, content: bytes) -> bool:
        """Whether the bank's side has this file. RailRefused where it is proven to have another of that name."""
        # Transfer software may have moved the file on: laid down again it would be sent again.
        if self._has(name, content):
            return True
        for place in self._places:
            path = place / name
            seen = _stat(path)
            if seen is None:
                continue
            if stat.S_ISREG(seen.st_mode) and _read(path, len(content)) == content:
                return True
            raise RailRefused(f"another file is called {name} already")
        return False

    def _has(self, name: str, content: bytes) -> bool:
        try:
            if not self._outgoing.is_dir():
                raise RailAway(f"{self._outgoing} is not there")
            return any(_read(path, len(content)) == content for path in self._called(name, len(content)))
        except OSError as error:
            # Also where a file moved on while it was looked at: only the next look tells where to.
            raise RailAway(_words(error, self._outgoing)) from error

    def _called(self, name: str, size: int) -> Iterator[Path]:
        """Whole files of that size whose name holds the message's id."""
        message_id = name.removesuffix(".xml")
        for place in self._places:
            if not place.is_dir():
                continue
            with os.scandir(place) as entries:
                for entry in entries:
                    if message_id not in entry.name or is_unfinished(entry.name):
                        continue
                    seen = Path(entry.path).lstat()
                    if stat.S_ISREG(seen.st_mode) and seen.st_size == size:
                        yield Path(entry.path)

    def _look(self) -> dict[str, _Look]:
        looks: dict[str, _Look] = {}
        try:
            with os.scandir(self._incoming) as entries:
                for entry in entries:
                    seen = _stat(Path(entry.path)) if may_be_report(entry.name) else None
                    if seen is not None and stat.S_ISREG(seen.st_mode):
                        looks[entry.name] = _look_of(seen)
        except OSError as error:
            raise RailAway(_words(error, self._incoming)) from error
        return looks

    def _fetch(self, name: str) -> bytes:
        try:
            with _open(self._incoming / name) as file:
                before = os.fstat(file.fileno())
                within_size(before.st_size, name=name)
                content = file.read(REPORT_BYTES_MAX + 1)
                after = os.fstat(file.fileno())
        except OSError as error:
            raise RailAway(_words(error, self._incoming / name)) from error
        if len(content) != before.st_size or _look_of(after) != _look_of(before):
            raise RailAway(f"{name} is still being written")
        self._fetched[name] = _look_of(before)
        return content

    def _taken(self, name: str) -> None:
        source = self._incoming / name
        shelf = self._incoming / TAKEN
        try:
            seen = _stat(source)
            fetched = self._fetched.pop(name, None)
            if seen is None or not stat.S_ISREG(seen.st_mode) or fetched not in (None, _look_of(seen)):
                return
            shelf.mkdir(exist_ok=True)
            if shelf.is_symlink():
                raise RailAway(f"{shelf} is a link")
            _shelve(source, shelf)
            _sync(shelf)
            _sync(self._incoming)
        except OSError as error:
            raise RailAway(_words(error, source)) from error


def _shelve(source: Path, shelf: Path) -> None:
    """Move `source` into `shelf`, beside what bears its name already."""
    for number in range(1, _SUFFIXES_MAX + 1):
        target = shelf / (source.name if number == 1 else f"{source.name}.{number}")
        try:
            _move_new(source, target)
        except FileExistsError:
            if not source.samefile(target):
                continue
            # Stopped between the two steps of a move, which is finished here.
            source.unlink()
        return
    raise RailAway(f"{shelf} has {_SUFFIXES_MAX} files called {source.name}")


def _move_new(source: Path, target: Path) -> None:
    """Give the file its final name in one step. FileExistsError where that name is used; nothing is overwritten."""
    try:
        # Unlike a rename, a link never replaces a file.
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if _stat(target) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        source.rename(target)
        return
    source.unlink()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _look_of(seen: os.stat_result) -> _Look:
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns)


def _read(path: Path, size: int) -> bytes:
    """Up to one byte more than `size`, so that a longer file differs."""
    with _open(path) as file:
        return file.read(size + 1)


def _open(path: Path) -> BinaryIO:
    """A regular file, not reached over a link; OSError otherwise."""
    # O_NONBLOCK: a pipe under that name must not hold the thread.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return os.fdopen(handle, "rb")


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        # It stays under a name that nobody takes.
        return


def _words(error: OSError, path: Path) -> str:
    return f"{path}: {error.strerror or error}"
