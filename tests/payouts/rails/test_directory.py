"""The rail of two directories."""

import asyncio
import os
from pathlib import Path

import pytest

from houfu.iso20022.message import MessageRefused
from houfu.payouts.rails import rail as port
from houfu.payouts.rails.directory import DirectoryRail
from houfu.payouts.rails.rail import Rail, RailAway, RailRefused, Waiting

ID = "0199d2f0a3b17c44a1b2c3d4e5f60718-01"
FILE = b"<Document>1</Document>"


class Bank:
    """The directories, as the bank's transfer software sees them."""

    def __init__(self, root: Path) -> None:
        self.outgoing, self.incoming = root / "out", root / "in"
        self.outgoing.mkdir()
        self.incoming.mkdir()
        self.between_looks: list[tuple[str, bytes]] = []

    async def pause(self) -> None:
        for name, content in self.between_looks:
            with (self.incoming / name).open("ab") as file:
                file.write(content)

    def rail(self) -> Rail:
        return DirectoryRail(outgoing=self.outgoing, incoming=self.incoming, pause=self.pause)

    def report(self, name: str, content: bytes = b"<Document/>", *, at: int = 1) -> None:
        (self.incoming / name).write_bytes(content)
        os.utime(self.incoming / name, (at, at))


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


async def names(rail: Rail, limit: int = 100) -> list[str]:
    return [waiting.name for waiting in await rail.waiting(limit=limit)]


async def test_a_file_is_handed_over_whole_under_its_message_id_and_nothing_else_is_left(bank: Bank) -> None:
    rail = bank.rail()
    assert not await rail.has(ID, FILE)
    await rail.deliver(ID, FILE)
    assert [path.name for path in bank.outgoing.iterdir()] == [f"{ID}.xml"]
    assert (bank.outgoing / f"{ID}.xml").read_bytes() == FILE
    assert await rail.has(ID, FILE)
    await rail.deliver(ID, FILE)
    assert [path.name for path in bank.outgoing.iterdir()] == [f"{ID}.xml"]


async def test_many_senders_of_one_file_at_once_leave_it_there_once_and_whole(bank: Bank) -> None:
    ends = await asyncio.gather(
        *(bank.rail().deliver(ID, FILE * 10_000) for _ in range(8)), return_exceptions=True
    )
    assert ends == [None] * 8
    assert [path.name for path in bank.outgoing.iterdir()] == [f"{ID}.xml"]
    assert (bank.outgoing / f"{ID}.xml").read_bytes() == FILE * 10_000


async def test_the_same_id_with_other_content_is_refused_and_overwrites_nothing(bank: Bank) -> None:
    rail = bank.rail()
    await rail.deliver(ID, FILE)
    with pytest.raises(RailRefused):
        await rail.deliver(ID, b"other")
    assert (bank.outgoing / f"{ID}.xml").read_bytes() == FILE
    assert not await rail.has(ID, b"other")


@pytest.mark.parametrize(
    "moved",
    ["out/sent/{}.xml", "sent/{}.xml", "done/{}.xml", "done/{}.xml.20261125", "out/done/20261125-{}.xml"],
)
async def test_a_file_that_transfer_software_moved_on_is_known_and_not_laid_down_again(
    bank: Bank, moved: str
) -> None:
    rail = bank.rail()
    await rail.deliver(ID, FILE)
    archived = bank.outgoing.parent / moved.format(ID)
    archived.parent.mkdir()
    (bank.outgoing / f"{ID}.xml").rename(archived)
    assert await rail.has(ID, FILE)
    assert not await rail.has(ID, FILE + b" ")
    await rail.deliver(ID, FILE)
    assert not (bank.outgoing / f"{ID}.xml").exists()


async def test_half_a_file_left_by_a_crash_is_not_taken_for_the_file(bank: Bank) -> None:
    (bank.outgoing / f".{ID}.xml.0a0b0c0d.part").write_bytes(FILE)
    (bank.outgoing / f"{ID}.xml.tmp").write_bytes(FILE)
    rail = bank.rail()
    assert not await rail.has(ID, FILE)
    await rail.deliver(ID, FILE)
    assert await rail.has(ID, FILE)


async def test_a_link_under_the_files_name_is_not_written_through(bank: Bank, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(FILE)
    (bank.outgoing / f"{ID}.xml").symlink_to(other)
    with pytest.raises(RailRefused):
        await bank.rail().deliver(ID, FILE)
    (bank.outgoing / f"{ID}.xml").unlink()
    (bank.outgoing / f"{ID}.xml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RailRefused):
        await bank.rail().deliver(ID, FILE)
    assert not (tmp_path / "nowhere").exists()


async def test_where_a_disk_knows_no_hard_links_files_are_renamed(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    rail = bank.rail()
    await rail.deliver(ID, FILE)
    assert [path.name for path in bank.outgoing.iterdir()] == [f"{ID}.xml"]
    for content in (b"1", b"2"):
        bank.report("a.xml", content)
        await rail.taken("a.xml")
    assert {p.name: p.read_bytes() for p in (bank.incoming / "taken").iterdir()} == {
        "a.xml": b"1",
        "a.xml.2": b"2",
    }


@pytest.mark.parametrize("message_id", ["", "../x", "a/b", "a" * 36, "-a", "a\n", "a.b", "é"])
async def test_what_is_no_message_id_becomes_no_file_name(bank: Bank, message_id: str) -> None:
    with pytest.raises(ValueError, match="no message id"):
        await bank.rail().deliver(message_id, FILE)
    with pytest.raises(ValueError, match="no message id"):
        await bank.rail().has(message_id, FILE)


async def test_directories_that_are_not_there_are_a_bank_that_is_away(bank: Bank) -> None:
    rail = bank.rail()
    bank.outgoing.rmdir()
    bank.incoming.rmdir()
    with pytest.raises(RailAway):
        await rail.deliver(ID, FILE)
    with pytest.raises(RailAway):
        await rail.has(ID, FILE)
    with pytest.raises(RailAway):
        await rail.waiting(limit=1)
    with pytest.raises(RailAway):
        await rail.fetch("a.xml")


async def test_reports_wait_oldest_first_and_are_fetched_and_taken_once(bank: Bank) -> None:
    bank.report("b.xml", b"b", at=1)
    bank.report("a.xml", b"aa", at=2)
    bank.report("c.xml", b"c", at=3)
    rail = bank.rail()
    assert await rail.waiting(limit=2) == [Waiting("b.xml", 1), Waiting("a.xml", 2)]
    assert await rail.fetch("b.xml") == b"b"
    await rail.taken("b.xml")
    await rail.taken("b.xml")
    assert await names(rail) == ["a.xml", "c.xml"]
    assert (bank.incoming / "taken" / "b.xml").read_bytes() == b"b"


async def test_a_report_that_still_grows_is_not_offered(bank: Bank) -> None:
    bank.report("growing.xml")
    bank.report("whole.xml")
    bank.between_looks = [("growing.xml", b"more"), ("new.xml", b"<")]
    rail = bank.rail()
    assert await names(rail) == ["whole.xml"]
    bank.between_looks = []
    assert await names(rail) == ["whole.xml", "growing.xml", "new.xml"]


@pytest.mark.parametrize(
    "name", [".hidden.xml", "a.xml.part", "a.xml.PART", "a.tmp", "-a.xml", "a b.xml", "报.xml", "a\n.xml"]
)
async def test_unfinished_hidden_and_odd_names_are_not_offered(bank: Bank, name: str) -> None:
    bank.report(name)
    rail = bank.rail()
    assert await names(rail) == []
    with pytest.raises(MessageRefused):
        await rail.fetch(name)


@pytest.mark.parametrize(
    "name", ["../secret.xml", "/etc/passwd", "taken/a.xml", "a\0.xml", "", ".", "..", "a" * 129]
)
async def test_a_name_that_leads_elsewhere_is_refused(bank: Bank, name: str) -> None:
    (bank.outgoing.parent / "secret.xml").write_bytes(b"secret")
    with pytest.raises(MessageRefused):
        await bank.rail().fetch(name)
    with pytest.raises(MessageRefused):
        await bank.rail().taken(name)


async def test_links_directories_and_pipes_are_neither_offered_nor_read(bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (bank.incoming / "link.xml").symlink_to(tmp_path / "secret")
    (bank.incoming / "folder.xml").mkdir()
    os.mkfifo(bank.incoming / "pipe.xml")
    rail = bank.rail()
    assert await names(rail) == []
    for name in ("link.xml", "folder.xml", "pipe.xml"):
        with pytest.raises(RailAway):
            await rail.fetch(name)
        await rail.taken(name)
        assert (bank.incoming / name).is_symlink() or (bank.incoming / name).exists()


async def test_a_shelf_that_is_a_link_is_not_followed(bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (bank.incoming / "taken").symlink_to(tmp_path / "elsewhere")
    bank.report("a.xml")
    with pytest.raises(RailAway):
        await bank.rail().taken("a.xml")
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_report_larger_than_is_fetched_is_refused(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (bank.incoming / "large.xml").open("wb") as file:
        file.truncate(port.REPORT_BYTES_MAX + 1)
    rail = bank.rail()
    assert await rail.waiting(limit=1) == [Waiting("large.xml", port.REPORT_BYTES_MAX + 1)]
    with pytest.raises(MessageRefused, match="128 MB"):
        await rail.fetch("large.xml")
    await rail.taken("large.xml")
    assert await names(rail) == []


async def test_a_name_the_bank_uses_again_loses_no_report(bank: Bank) -> None:
    rail = bank.rail()
    for content in (b"1", b"2", b"3"):
        bank.report("day.xml", content)
        assert await rail.fetch("day.xml") == content
        await rail.taken("day.xml")
    shelf = {path.name: path.read_bytes() for path in (bank.incoming / "taken").iterdir()}
    assert shelf == {"day.xml": b"1", "day.xml.2": b"2", "day.xml.3": b"3"}


async def test_a_report_replaced_after_it_was_fetched_is_not_put_away_unread(bank: Bank) -> None:
    rail = bank.rail()
    bank.report("day.xml", b"1")
    assert await rail.fetch("day.xml") == b"1"
    (bank.incoming / "day.xml").unlink()
    bank.report("day.xml", b"22")
    await rail.taken("day.xml")
    assert await rail.fetch("day.xml") == b"22"


async def test_a_move_that_stopped_half_way_is_finished(bank: Bank) -> None:
    bank.report("a.xml", b"1")
    (bank.incoming / "taken").mkdir()
    os.link(bank.incoming / "a.xml", bank.incoming / "taken" / "a.xml")
    await bank.rail().taken("a.xml")
    assert not (bank.incoming / "a.xml").exists()
    assert [path.name for path in (bank.incoming / "taken").iterdir()] == ["a.xml"]
