"""A bank that is reached through a directory: files of payments are put into `in`, reports appear in `out`.

What lies in `in` under a name that begins with a dot or does not end in .xml is not looked at, so that a sender may
write there and rename when it is done. A file that was taken in lies in `done`; one that cannot be read lies in
`refused` with the bank's words beside it.
"""

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from houfu.bank.branch import Branch, Moment
from houfu.bank.vault import Vault, write_whole

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
FILES_AT_ONCE: Final = 1_000
"""Taken in one round; the next round takes more."""

POLL_SECONDS: Final = 1

_CURSOR: Final = "delivered"

_log = structlog.get_logger()


class Directory:
    """The boxes. Reports are delivered at least once: a bank that is killed in between writes the same again."""

    def __init__(self, directory: Path, branch: Branch, vault: Vault) -> None:
        self._in = directory / "in"
        self._out = directory / "out"
        self._done = directory / "done"
        self._refused = directory / "refused"
        self._branch = branch
        self._vault = vault
        for box in (self._in, self._out, self._done, self._refused):
            box.mkdir(parents=True, exist_ok=True)
        delivered = vault.noted(_CURSOR, Moment)
        self._delivered = None if delivered is None else delivered.at

    def run_due(self) -> tuple[int, int]:
        """Take files in and leave what is due; how many of each."""
        return self._take(), self._leave()

    async def poll(self) -> None:
        """Do what is due once a second, until cancelled. What the disk does not let it do, it tries again."""
        while True:
            try:
                self.run_due()
            except OSError as fault:
                _log.warning("directory_not_served", error=str(fault))
            await asyncio.sleep(POLL_SECONDS)

    def _take(self) -> int:
        waiting = sorted(self._waiting())[:FILES_AT_ONCE]
        for path in waiting:
            with path.open("rb") as opened:
                content = opened.read(FILE_BYTES_MAX + 1)
            if len(content) > FILE_BYTES_MAX:
                self._refuse(path, f"文件超过 {FILE_BYTES_MAX} 字节")
                continue
            receipt = self._branch.receive(content)
            if receipt.accepted or self._told(receipt.message_id, receipt.reason):
                _put_aside(path, self._done, content)
            else:
                self._refuse(path, receipt.words or "")
        return len(waiting)

    def _leave(self) -> int:
        now = self._branch.now()
        reports = self._branch.reports(self._delivered, now)
        for report in reports:
            write_whole(self._out / report.name, report.content)
        if reports:
            self._delivered = now
            self._vault.note(_CURSOR, Moment(now))
        return len(reports)

    def _waiting(self) -> Iterator[Path]:
        for path in self._in.iterdir():
            if path.suffix == ".xml" and not path.name.startswith(".") and path.is_file():
                if path.is_symlink():
                    self._refuse(path, "不接受链接文件")
                else:
                    yield path

    def _told(self, message_id: str | None, reason: str | None) -> bool:
        """Whether a status report says that the file was refused."""
        return message_id is not None and reason != "DU01"

    def _refuse(self, path: Path, words: str) -> None:
        write_whole(self._refused / f"{path.name}.txt", f"{words}\n".encode())
        path.replace(self._refused / path.name)


def _put_aside(path: Path, box: Path, content: bytes) -> None:
    """Move a file to `box`. Another that lies there under its name stays, and this one's name grows a stamp."""
    place = box / path.name
    if place.exists() and place.read_bytes() != content:
        place = box / f"{path.stem}-{sha256(content).hexdigest()[:16]}.xml"
    path.replace(place)
