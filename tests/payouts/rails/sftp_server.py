"""A real SFTP server for tests, which keeps to one directory and may misbehave on request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from asyncssh.constants import FXF_WRITE

from houfu.payouts.rails.config import SftpTerms


@dataclass
class Server:
    """The server's directory, the terms it is reached by, and what it does wrong."""

    root: Path
    terms: SftpTerms
    drop_after_bytes: int | None = None
    drop_on_rename: str | None = None  # "before" or "after"
    listed: list[bytes] = field(default_factory=list[bytes])
    deny_moves: bool = False
    deny_reads: bool = False
    moving_on: bool = False
    connections: int = 0

    @property
    def outgoing(self) -> Path:
        return self.root / "out"

    @property
    def incoming(self) -> Path:
        return self.root / "in"


class _Login(asyncssh.SSHServer):
    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections += 1


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], server: Server) -> None:
        super().__init__(channel, chroot=str(server.root).encode())
        self._server = server
        self._written = 0

    def _hang_up(self) -> None:
        self.connection.abort()

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        for name in self._server.listed:
            attributes = asyncssh.SFTPAttrs(type=1, permissions=0o100644, size=1, mtime=1, atime=1)
            yield asyncssh.SFTPName(name, attrs=attributes)
        async for entry in super().scandir(path):
            yield entry

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if self._server.deny_reads and not pflags & FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("no")
        if self._server.moving_on and not pflags & FXF_WRITE:
            raise asyncssh.SFTPNoSuchFile("moved on since it was listed")
        return super().open(path, pflags, attrs)

    def write(self, file_obj: object, offset: int, data: bytes) -> object:
        self._written += len(data)
        drop = self._server.drop_after_bytes
        if drop is not None and self._written > drop:
            self._hang_up()
            raise asyncssh.SFTPFailure("gone")
        return super().write(file_obj, offset, data)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> object:
        if self._server.deny_moves:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().mkdir(path, attrs)

    def rename(self, oldpath: bytes, newpath: bytes) -> object:
        if self._server.deny_moves:
            raise asyncssh.SFTPPermissionDenied("no")
        when = self._server.drop_on_rename
        if when != "before":
            super().rename(oldpath, newpath)
        if when is not None:
            self._hang_up()
        return None


@asynccontextmanager
async def serving(tmp: Path) -> AsyncIterator[Server]:
    """A server on a free port of this machine, with a key pair for the client and its host key in known_hosts."""
    root = tmp / "server"
    (root / "out").mkdir(parents=True)
    (root / "in").mkdir()
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key.write_private_key(tmp / "client_key")
    client_key.write_public_key(tmp / "authorized_keys")
    server: Server

    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Login(server),
        server_host_keys=[host_key],
        authorized_client_keys=str(tmp / "authorized_keys"),
        sftp_factory=lambda channel: _Files(channel, server),
    )
    port = listener.get_port()
    public = host_key.export_public_key().decode().strip()
    (tmp / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    terms = SftpTerms(
        host="127.0.0.1",
        port=port,
        user="houfu",
        key_file=str(tmp / "client_key"),
        known_hosts=str(tmp / "known_hosts"),
        outgoing="out",
        incoming="in",
    )
    server = Server(root, terms)
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
