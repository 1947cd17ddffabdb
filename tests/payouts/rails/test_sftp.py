"""The rail over SFTP, against a real server."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import msgspec
import pytest

from houfu.iso20022.message import MessageRefused
from houfu.payouts.rails import sftp
from houfu.payouts.rails.rail import REPORT_BYTES_MAX, Rail, RailAway, RailRefused, Waiting, close_rail
from houfu.payouts.rails.sftp import SftpRail

from .sftp_server import Server, serving

ID = "0199d2f0a3b17c44a1b2c3d4e5f60718-01"
FILE = b"<Document>1</Document>"
LARGE = b"x" * 3_000_000


class Bank:
    """The server, and a rail to it whose pause lets reports grow."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.between_looks: list[tuple[str, bytes]] = []
        self.rail: Rail = self.another()

    def another(self, **terms: object) -> Rail:
        return SftpRail(msgspec.structs.replace(self.server.terms, **terms), pause=self.pause)

    async def pause(self) -> None:
        for name, content in self.between_looks:
            with (self.server.incoming / name).open("ab") as file:
                file.write(content)

    def report(self, name: str, content: bytes = b"<Document/>", *, at: int = 1) -> None:
        (self.server.incoming / name).write_bytes(content)
        os.utime(self.server.incoming / name, (at, at))

    def visible(self) -> list[str]:
        return [path.name for path in self.server.outgoing.iterdir() if not path.name.startswith(".")]

    async def names(self) -> list[str]:
        return [waiting.name for waiting in await self.rail.waiting(limit=100)]


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with serving(tmp_path) as server:
        bank = Bank(server)
        yield bank
        await close_rail(bank.rail)


async def test_a_file_is_handed_over_whole_under_its_message_id_and_nothing_else_is_left(bank: Bank) -> None:
    assert not await bank.rail.has(ID, LARGE)
    await bank.rail.deliver(ID, LARGE)
    assert [path.name for path in bank.server.outgoing.iterdir()] == [f"{ID}.xml"]
    assert (bank.server.outgoing / f"{ID}.xml").read_bytes() == LARGE
    assert await bank.rail.has(ID, LARGE)
    await bank.rail.deliver(ID, LARGE)
    assert bank.server.connections == 1


async def test_the_same_id_with_other_content_is_refused_and_overwrites_nothing(bank: Bank) -> None:
    await bank.rail.deliver(ID, FILE)
    for other in (b"other", FILE.replace(b"1", b"2")):
        with pytest.raises(RailRefused):
            await bank.rail.deliver(ID, other)
        assert not await bank.rail.has(ID, other)
    assert (bank.server.outgoing / f"{ID}.xml").read_bytes() == FILE


@pytest.mark.parametrize("moved", ["out/sent/{}.xml", "done/{}.xml.20261125"])
async def test_a_file_that_the_bank_moved_on_is_known_and_not_laid_down_again(bank: Bank, moved: str) -> None:
    await bank.rail.deliver(ID, FILE)
    archived = bank.server.root / moved.format(ID)
    archived.parent.mkdir()
    (bank.server.outgoing / f"{ID}.xml").rename(archived)
    assert await bank.rail.has(ID, FILE)
    await bank.rail.deliver(ID, FILE)
    assert bank.visible() == [] if "out/sent" not in moved else bank.visible() == ["sent"]


async def test_where_the_bank_lets_nobody_read_what_was_handed_over_name_and_size_must_do(bank: Bank) -> None:
    await bank.rail.deliver(ID, FILE)
    bank.server.deny_reads = True
    assert await bank.rail.has(ID, FILE)
    assert not await bank.rail.has(ID, FILE + b" ")


async def test_a_file_that_moves_on_while_it_is_looked_at_is_neither_missing_nor_another(bank: Bank) -> None:
    await bank.rail.deliver(ID, FILE)
    bank.server.moving_on = True
    with pytest.raises(RailAway):
        await bank.rail.has(ID, FILE)
    with pytest.raises(RailAway):
        await bank.rail.deliver(ID, FILE)


async def test_a_connection_dropped_in_the_middle_leaves_no_file_under_the_final_name(bank: Bank) -> None:
    bank.server.drop_after_bytes = 1_000_000
    with pytest.raises(RailAway):
        await bank.rail.deliver(ID, LARGE)
    assert bank.visible() == []
    bank.server.drop_after_bytes = None
    assert not await bank.rail.has(ID, LARGE)
    await bank.rail.deliver(ID, LARGE)
    assert [path.name for path in bank.server.outgoing.iterdir()] == [f"{ID}.xml"]
    assert bank.server.connections == 2


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
async def test_when_the_last_answer_is_lost_asking_tells_whether_the_bank_has_the_file(
    bank: Bank, when: str, there: bool
) -> None:
    bank.server.drop_on_rename = when
    with pytest.raises(RailAway):
        await bank.rail.deliver(ID, FILE)
    bank.server.drop_on_rename = None
    assert await bank.rail.has(ID, FILE) is there
    await bank.rail.deliver(ID, FILE)
    assert bank.visible() == [f"{ID}.xml"]


async def test_two_senders_of_one_file_at_once_leave_it_there_once_and_whole(bank: Bank) -> None:
    other = bank.another()
    ends = await asyncio.gather(
        bank.rail.deliver(ID, LARGE), other.deliver(ID, LARGE), return_exceptions=True
    )
    # The later finds the file there as it looks, or as it renames; then it asks.
    assert all(end is None or isinstance(end, RailAway) for end in ends)
    assert (bank.server.outgoing / f"{ID}.xml").read_bytes() == LARGE
    assert await other.has(ID, LARGE)
    await other.deliver(ID, LARGE)
    assert bank.visible() == [f"{ID}.xml"]
    await close_rail(other)


async def test_a_server_with_another_host_key_is_spoken_to_no_further(bank: Bank, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{bank.server.terms.port} {key}\n")
    with pytest.raises(RailAway, match="known_hosts"):
        await bank.rail.deliver(ID, FILE)
    assert list(bank.server.outgoing.iterdir()) == []


@pytest.mark.parametrize("content", ["", "# nobody\n", None])
async def test_without_known_hosts_nobody_is_believed(
    bank: Bank, tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "known_hosts").unlink()
    if content is not None:
        (tmp_path / "known_hosts").write_text(content)
    with pytest.raises(RailAway):
        await bank.rail.has(ID, FILE)


async def test_a_key_that_the_bank_does_not_know_or_that_cannot_be_read_is_away(
    bank: Bank, tmp_path: Path
) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "stranger")
    (tmp_path / "rubbish").write_text("rubbish")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(
        tmp_path / "locked", "pkcs8-pem", passphrase="x"
    )
    for name in ("stranger", "rubbish", "locked", "missing"):
        with pytest.raises(RailAway):
            await bank.another(key_file=str(tmp_path / name)).has(ID, FILE)


async def test_nobody_listening_is_away(bank: Bank) -> None:
    rail = bank.another(port=1)
    for call in (
        rail.deliver(ID, FILE),
        rail.has(ID, FILE),
        rail.waiting(limit=1),
        rail.fetch("a"),
        rail.taken("a"),
    ):
        with pytest.raises(RailAway):
            await call


async def test_directories_that_are_not_there_are_away(bank: Bank) -> None:
    rail = bank.another(outgoing="nowhere", incoming="nowhere")
    for call in (rail.deliver(ID, FILE), rail.has(ID, FILE), rail.waiting(limit=1)):
        with pytest.raises(RailAway):
            await call
    await close_rail(rail)


async def test_reports_wait_oldest_first_and_are_fetched_and_taken_once(bank: Bank) -> None:
    bank.report("b.xml", LARGE, at=1)
    bank.report("a.xml", b"aa", at=2)
    assert await bank.rail.waiting(limit=1) == [Waiting("b.xml", len(LARGE))]
    assert await bank.rail.fetch("b.xml") == LARGE
    await bank.rail.taken("b.xml")
    await bank.rail.taken("b.xml")
    assert await bank.names() == ["a.xml"]
    assert (bank.server.incoming / "taken" / "b.xml").read_bytes() == LARGE
    bank.report("b.xml", b"second")
    await bank.rail.taken("b.xml")
    assert (bank.server.incoming / "taken" / "b.xml.2").read_bytes() == b"second"


async def test_a_report_that_still_grows_is_not_offered(bank: Bank) -> None:
    bank.report("growing.xml")
    bank.report("whole.xml")
    bank.between_looks = [("growing.xml", b"more"), ("new.xml", b"<")]
    assert await bank.names() == ["whole.xml"]


async def test_a_report_replaced_after_it_was_fetched_is_not_put_away_unread(bank: Bank) -> None:
    bank.report("day.xml", b"1")
    assert await bank.rail.fetch("day.xml") == b"1"
    bank.report("day.xml", b"22")
    await bank.rail.taken("day.xml")
    assert await bank.rail.fetch("day.xml") == b"22"


async def test_names_that_lead_elsewhere_are_passed_over_and_refused(bank: Bank, tmp_path: Path) -> None:
    bank.report("good.xml")
    tricks = [b"../../x", b"/etc/passwd", b"a\0.xml", b"a/b.xml", b"a\\b.xml", b"\xff\xfe.xml", b"a.xml.part", b".a.xml", b"a\n.xml", b"", b"x" * 200, b"."]  # fmt: skip
    bank.server.listed = tricks
    assert await bank.names() == ["good.xml"]
    for name in tricks:
        with pytest.raises(MessageRefused):
            await bank.rail.fetch(name.decode("latin-1"))
        with pytest.raises(MessageRefused):
            await bank.rail.taken(name.decode("latin-1"))


async def test_links_and_directories_are_neither_offered_nor_read(bank: Bank) -> None:
    (bank.server.root / "secret").write_bytes(b"secret")
    (bank.server.incoming / "link.xml").symlink_to(bank.server.root / "secret")
    (bank.server.incoming / "folder.xml").mkdir()
    assert await bank.names() == []
    for name in ("link.xml", "folder.xml"):
        with pytest.raises(RailAway):
            await bank.rail.fetch(name)


async def test_a_report_larger_than_is_fetched_is_refused_before_it_is_read(bank: Bank) -> None:
    with (bank.server.incoming / "large.xml").open("wb") as file:
        file.truncate(REPORT_BYTES_MAX + 1)
    with pytest.raises(MessageRefused, match="128 MB"):
        await bank.rail.fetch("large.xml")


async def test_where_nothing_may_be_moved_a_report_is_offered_once_until_it_changes(bank: Bank) -> None:
    bank.server.deny_moves = True
    bank.report("day.xml", b"1")
    assert await bank.names() == ["day.xml"]
    await bank.rail.fetch("day.xml")
    await bank.rail.taken("day.xml")
    assert await bank.names() == []
    bank.report("day.xml", b"22")
    assert await bank.names() == ["day.xml"]


async def test_a_bank_that_does_not_answer_is_given_up(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    await bank.rail.has(ID, FILE)
    monkeypatch.setattr(sftp, "CALL_SECONDS", 0)
    with pytest.raises(RailAway):
        await bank.rail.has(ID, FILE)
    monkeypatch.undo()
    assert not await bank.rail.has(ID, FILE)
