"""A rail of two directories of a server that is reached over SFTP.

The server is who `known_hosts` says or nobody. No setting of the account that runs this is used: no SSH configuration,
no agent, no other key.
"""

import asyncio
import posixpath
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Final, NamedTuple

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR

from houfu.payouts.rails.config import SftpTerms
from houfu.payouts.rails.directory import Pause, quiet
from houfu.payouts.rails.rail import (
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

CONNECT_SECONDS: Final = 20
CALL_SECONDS: Final = 300
"""How long one call may take: a report of the largest size over a slow line."""
_ALIVE_SECONDS: Final = 15
_ENTRIES_MAX: Final = 1_000_000
_SUFFIXES_MAX: Final = 100


class _Look(NamedTuple):
    mtime: int | None
    size: int | None


class SftpRail:
    """Files handed over in `outgoing` of the server, reports found in its `incoming`.

    One connection is kept, and made anew after anything went wrong with it. Calls wait for each other.
    """

    def __init__(self, terms: SftpTerms, *, pause: Pause = quiet) -> None:
        self._terms = terms
        self._pause = pause
        self._turn = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._fetched: dict[str, _Look] = {}
        self._left: dict[str, _Look] = {}

    async def deliver(self, message_id: str, content: bytes) -> None:
        """The file stands in `outgoing` under its final name, or at most a hidden part of it does."""
        name = file_name(message_id)
        part = posixpath.join(self._terms.outgoing, f".{name}.{token_hex(4)}.part")
        async with self._call() as client:
            if await self._there(client, name, content):
                return
            async with client.open(part, "xb") as file:
                await file.write(content)
                await _to_disk(file)
            if (await client.lstat(part)).size != len(content):
                raise RailAway(f"{name} did not arrive whole")
            # A sender that was taken for dead may have been at it all this time.
            if not await self._there(client, name, content):
                # Not posix-rename, which would replace a file: this one fails where the name is used.
                await client.rename(part, posixpath.join(self._terms.outgoing, name))
            await self._sweep(client, name)

    async def has(self, message_id: str, content: bytes) -> bool:
        """Whether the file lies in `outgoing` or in an archive, where its name may have grown a stamp."""
        async with self._call() as client:
            return any(
                [
                    await _same(client, path, look, content)
                    async for path, look in _called(client, self._places, file_name(message_id))
                ]
            )

    async def waiting(self, *, limit: int) -> list[Waiting]:
        """The reports that are the same at two looks a pause apart: one that still grows waits for its next turn."""
        async with self._call() as client:
            first = await self._reports(client)
        if not first:
            return []
        await self._pause()
        async with self._call() as client:
            second = await self._reports(client)
        still = [
            (look.mtime or 0, name, look.size) for name, look in second.items() if first.get(name) == look
        ]
        return [Waiting(name, size) for _, name, size in sorted(still, key=lambda report: report[:2])[:limit]]

    async def fetch(self, name: str) -> bytes:
        """A regular file directly in `incoming`."""
        path = posixpath.join(self._terms.incoming, report_name(name))
        async with self._call() as client:
            before = _look(await _regular(client, path))
            if before.size is not None:
                within_size(before.size, name=name)
            async with client.open(path, "rb", encoding=None) as file:
                most = REPORT_BYTES_MAX if before.size is None else before.size
                content: bytes = await file.read(most + 1)
            after = _look(await _regular(client, path))
        within_size(len(content), name=name)
        if after != before or before.size not in (None, len(content)):
            raise RailAway(f"{name} is still being written")
        self._fetched[name] = before
        return content

    async def taken(self, name: str) -> None:
        """The report moves to `incoming/taken`, unless another has come under its name since it was fetched.

        Where the bank lets nothing be moved it stays, and this rail offers it no more while it is unchanged.
        """
        source = posixpath.join(self._terms.incoming, report_name(name))
        shelf = posixpath.join(self._terms.incoming, TAKEN)
        fetched = self._fetched.pop(name, None)
        async with self._call() as client:
            try:
                look = _look(await _regular(client, source))
            except (asyncssh.SFTPNoSuchFile, RailAway):
                return
            if fetched not in (None, look):
                return
            try:
                if not await client.lexists(shelf):
                    await client.mkdir(shelf)
                await _shelve(client, source, shelf)
            except asyncssh.SFTPPermissionDenied:
                self._left[name] = look

    async def close(self) -> None:
        """Give the connection up. The next call makes a new one."""
        async with self._turn:
            await self._drop()

    @property
    def _places(self) -> tuple[str, ...]:
        outgoing = self._terms.outgoing
        return (outgoing, *(posixpath.normpath(posixpath.join(outgoing, a)) for a in self._terms.archives))

    async def _there(self, client: asyncssh.SFTPClient, name: str, content: bytes) -> bool:
        """Whether the bank's side has this file. RailRefused where it has another of that name."""
        found = [path_look async for path_look in _called(client, self._places, name)]
        # Transfer software may have moved the file on: laid down again it would be sent again.
        if any([await _same(client, path, look, content) for path, look in found]):
            return True
        if any(posixpath.basename(path) == name for path, _ in found):
            raise RailRefused(f"another file is called {name} already")
        return False

    async def _sweep(self, client: asyncssh.SFTPClient, name: str) -> None:
        """Take away the parts that broken connections left of a file that is there now."""
        left = [found async for found, _ in _listed(client, self._terms.outgoing)]
        for found in left:
            if found.startswith(f".{name}.") and found.endswith(".part"):
                await _remove(client, posixpath.join(self._terms.outgoing, found))

    async def _reports(self, client: asyncssh.SFTPClient) -> dict[str, _Look]:
        """The reports that lie in `incoming`, but for those recorded that may not be moved."""
        looks = {
            name: _look(attributes)
            async for name, attributes in _listed(client, self._terms.incoming)
            if may_be_report(name) and _is_regular(attributes)
        }
        self._left = {name: look for name, look in self._left.items() if looks.get(name) == look}
        return {name: look for name, look in looks.items() if name not in self._left}

    @asynccontextmanager
    async def _call(self) -> AsyncGenerator[asyncssh.SFTPClient]:
        """A connected client for one call. What breaks becomes RailAway, and ends the connection."""
        async with self._turn:
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    yield await self._connected()
            except (OSError, asyncssh.Error, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
                await self._drop()
                raise RailAway(f"{self._terms.host}: {_words(error)}") from error
            except asyncio.CancelledError:
                await self._drop()
                raise

    async def _connected(self) -> asyncssh.SFTPClient:
        if self._connection is not None and self._client is not None and not self._connection.is_closed():
            return self._client
        await self._drop()
        terms = self._terms
        self._connection = await asyncssh.connect(
            terms.host,
            terms.port,
            username=terms.user,
            client_keys=[terms.key_file],
            known_hosts=terms.known_hosts,
            config=None,
            agent_path=None,
            preferred_auth="publickey",
            connect_timeout=CONNECT_SECONDS,
            login_timeout=CONNECT_SECONDS,
            keepalive_interval=_ALIVE_SECONDS,
        )
        self._client = await self._connection.start_sftp_client()
        return self._client

    async def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None


async def _called(
    client: asyncssh.SFTPClient, places: tuple[str, ...], name: str
) -> AsyncIterator[tuple[str, _Look]]:
    """Whole files in any of the places whose name holds the message's id. All but the first place may be missing."""
    message_id = name.removesuffix(".xml")
    for order, place in enumerate(places):
        try:
            async for found, attributes in _listed(client, place):
                if message_id in found and not is_unfinished(found) and _is_regular(attributes):
                    yield posixpath.join(place, found), _look(attributes)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            if order == 0:
                raise


async def _listed(client: asyncssh.SFTPClient, place: str) -> AsyncIterator[tuple[str, asyncssh.SFTPAttrs]]:
    """The plain names in a directory. What the server lists under names that lead elsewhere is passed over."""
    seen = 0
    # Bytes: one name that is no text must not hide the others.
    async for entry in client.scandir(place.encode()):
        seen += 1
        if seen > _ENTRIES_MAX:
            raise RailAway(f"{place} holds over {_ENTRIES_MAX} files")
        raw = entry.filename if isinstance(entry.filename, bytes) else entry.filename.encode()
        if raw.isascii() and not set(raw) & set(b"/\\\0"):
            yield raw.decode("ascii"), entry.attrs


async def _same(client: asyncssh.SFTPClient, path: str, look: _Look, content: bytes) -> bool:
    """Whether a file holds `content`. Of one that the bank shows but lets nobody read, name and size must do.

    SFTPNoSuchFile where it moved on while it was looked at: only the next look tells where to.
    """
    if look.size is not None and look.size != len(content):
        return False
    try:
        async with client.open(path, "rb", encoding=None) as file:
            held: bytes = await file.read(len(content) + 1)
            return held == content
    except asyncssh.SFTPPermissionDenied:
        return look.size is not None


async def _regular(client: asyncssh.SFTPClient, path: str) -> asyncssh.SFTPAttrs:
    attributes = await client.lstat(path)
    if not _is_regular(attributes):
        raise RailAway(f"{path} is no regular file")
    return attributes


async def _remove(client: asyncssh.SFTPClient, path: str) -> None:
    try:
        await client.remove(path)
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        return


async def _to_disk(file: asyncssh.SFTPClientFile) -> None:
    try:
        await file.fsync()
    except asyncssh.SFTPOpUnsupported:
        # The server has no such word: it writes to its disk when it sees fit.
        return


async def _shelve(client: asyncssh.SFTPClient, source: str, shelf: str) -> None:
    """Move `source` into `shelf`, beside what bears its name already."""
    target = posixpath.join(shelf, posixpath.basename(source))
    for number in range(1, _SUFFIXES_MAX + 1):
        free = target if number == 1 else f"{target}.{number}"
        if not await client.lexists(free):
            await client.rename(source, free)
            return
    raise RailAway(f"{shelf} has {_SUFFIXES_MAX} files called {posixpath.basename(source)}")


def _is_regular(attributes: asyncssh.SFTPAttrs) -> bool:
    return attributes.type == FILEXFER_TYPE_REGULAR


def _look(attributes: asyncssh.SFTPAttrs) -> _Look:
    return _Look(mtime=attributes.mtime, size=attributes.size)


def _words(error: Exception) -> str:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return f"it is not the server that known_hosts knows ({error.reason})"
    return str(error) or type(error).__name__
