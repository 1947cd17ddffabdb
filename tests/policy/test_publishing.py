"""Versions on their way into force: two people, no overlap, no gap, nothing in the past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from houfu.core.ids import IdMaker
from houfu.db.tx import Connection, connect
from houfu.events.actions import inbox
from houfu.policy.book import PolicyBook
from houfu.policy.document import load_policy, shipped_text
from houfu.policy.fault import PolicyInvalid
from houfu.policy.publication import MomentTaken, OwnProposal, VersionTaken, VersionUnknown
from houfu.policy.publishing import (
    announce,
    approve,
    open_policy_book,
    policy_of,
    propose,
    publish,
    refreshed,
    version_of,
    versions,
)

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def document(version: int, **edits: str) -> str:
    """The shipped policy under another number; each edit replaces the text after a top-level key."""
    text = shipped_text().replace("version: 1\n", f"version: {version}\n", 1)
    for name, value in edits.items():
        lines = [f"{name}: {value}" if line.startswith(f"{name}:") else line for line in text.split("\n")]
        text = "\n".join(lines)
    return text


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """The service's own connection, the shipped policy in force."""
    made = await connect(database)
    since = NOW.replace(year=2000)
    await publish(
        made, shipped_text(), effective_from=since, author="houfu", approved_by="installation", now=NOW
    )
    yield made
    await made.close()


async def put_in_force(
    connection: Connection, version: int, *, at: datetime | None = None, now: datetime
) -> None:
    await publish(connection, document(version), effective_from=at, author="li", approved_by="wang", now=now)


async def test_a_version_waits_for_another_persons_approval(connection: Connection) -> None:
    proposal = await propose(connection, document(2), effective_from=NOW + DAY, author="li", now=NOW)
    assert (proposal.version, proposal.author, proposal.effective_from) == (2, "li", NOW + DAY)
    assert (await open_policy_book(connection)).at(NOW + 2 * DAY).version == 1
    with pytest.raises(OwnProposal):
        await approve(connection, 2, approved_by="li", now=NOW)
    approved = await approve(connection, 2, approved_by="wang", now=NOW)
    assert (approved.effective_from, approved.approved_by, approved.postponed) == (NOW + DAY, "wang", False)
    book = await open_policy_book(connection)
    assert (book.at(NOW).version, book.at(NOW + DAY).version) == (1, 2)


async def test_the_database_itself_refuses_one_person_for_both(connection: Connection) -> None:
    await propose(connection, document(2), effective_from=None, author="li", now=NOW)
    statement = "insert into policy_publications values (2, $1, $2, 'li', $1)"
    with pytest.raises(asyncpg.CheckViolationError, match="a_policy_is_published_by_two"):
        await connection.execute(statement, NOW, "li")
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="the_author_is_the_proposals"):
        await connection.execute(statement, NOW, "somebody else")


async def test_periods_follow_one_another_without_gap_or_overlap(connection: Connection) -> None:
    for version, days in ((2, 30), (3, 10), (4, 20)):
        await put_in_force(connection, version, at=NOW + days * DAY, now=NOW)
    rows = await connection.fetch(
        "select version, effective_from, effective_to from policy_periods order by effective_from"
    )
    assert [row["version"] for row in rows] == [1, 3, 4, 2]
    assert [row["effective_to"] for row in rows] == [*(row["effective_from"] for row in rows[1:]), None]


@pytest.mark.parametrize(
    ("asked", "since", "postponed"),
    [(None, NOW, False), (NOW - DAY, NOW, True), (NOW, NOW, False), (NOW + DAY, NOW + DAY, False)],
)
async def test_a_version_is_never_in_force_before_it_is_approved(
    connection: Connection, asked: datetime | None, since: datetime, postponed: bool
) -> None:
    await propose(connection, document(2), effective_from=asked, author="li", now=NOW - 7 * DAY)
    approved = await approve(connection, 2, approved_by="wang", now=NOW)
    assert (approved.effective_from, approved.postponed) == (since, postponed)


async def test_two_versions_never_begin_at_one_moment(connection: Connection) -> None:
    await put_in_force(connection, 2, at=NOW + DAY, now=NOW)
    with pytest.raises(MomentTaken):
        await put_in_force(connection, 3, at=NOW + DAY, now=NOW)
    assert (await version_of(connection, 3, now=NOW))[0].state == "proposed"


async def test_saying_the_same_again_changes_nothing(connection: Connection) -> None:
    first = await propose(connection, document(2), effective_from=NOW + DAY, author="li", now=NOW)
    again = await propose(
        connection, "# a comment\n" + document(2), effective_from=None, author="zhao", now=NOW + DAY
    )
    assert again == first
    approved = await approve(connection, 2, approved_by="wang", now=NOW)
    assert await approve(connection, 2, approved_by="zhao", now=NOW + 3 * DAY) == approved


async def test_a_number_belongs_to_one_content_and_one_date(connection: Connection) -> None:
    await propose(connection, document(2), effective_from=NOW + DAY, author="li", now=NOW)
    with pytest.raises(VersionTaken, match="other content"):
        await propose(connection, document(2, en="Another"), effective_from=None, author="li", now=NOW)
    with pytest.raises(VersionTaken, match="another date"):
        await propose(connection, document(2), effective_from=NOW + 2 * DAY, author="li", now=NOW)
    with pytest.raises(VersionTaken, match="other content"):
        await propose(connection, document(1, en="Another"), effective_from=None, author="li", now=NOW)


@pytest.mark.parametrize(("name", "value"), [("currency", "USD"), ("timezone", "Europe/Berlin")])
async def test_currency_and_zone_never_change(connection: Connection, name: str, value: str) -> None:
    text = document(2, **{name: value})
    with pytest.raises(PolicyInvalid) as refused:
        await propose(connection, text, effective_from=None, author="li", now=NOW)
    (fault,) = refused.value.faults
    assert fault.path == name
    assert text.split("\n")[fault.line - 1].startswith(f"{name}:")


async def test_a_code_keeps_its_meaning_whatever_version_gave_it(connection: Connection) -> None:
    first = document(2).replace("code: first_month", "code: newcomer")
    assert first != document(2)
    await publish(connection, first, effective_from=None, author="li", approved_by="wang", now=NOW)
    await put_in_force(connection, 3, now=NOW + DAY)
    text = document(4).replace("kind: training_boost", "kind: newcomer")
    with pytest.raises(PolicyInvalid) as refused:
        await propose(connection, text, effective_from=None, author="li", now=NOW + 2 * DAY)
    (fault,) = refused.value.faults
    assert "in version 2 the code `newcomer` is" in fault.message
    assert "newcomer" in text.split("\n")[fault.line - 1]


async def test_a_meaning_that_was_published_meanwhile_counts_at_the_approval(connection: Connection) -> None:
    text = document(4).replace("kind: training_boost", "kind: newcomer")
    await propose(connection, text, effective_from=None, author="li", now=NOW)
    first = document(2).replace("code: first_month", "code: newcomer")
    await publish(connection, first, effective_from=None, author="li", approved_by="wang", now=NOW)
    with pytest.raises(PolicyInvalid):
        await approve(connection, 4, approved_by="wang", now=NOW + DAY)


async def test_what_nobody_proposed_cannot_be_approved_or_shown(connection: Connection) -> None:
    with pytest.raises(VersionUnknown):
        await approve(connection, 7, approved_by="wang", now=NOW)
    with pytest.raises(VersionUnknown):
        await version_of(connection, 7, now=NOW)
    with pytest.raises(VersionUnknown):
        await policy_of(connection, 7)


async def test_a_document_with_faults_is_not_proposed(connection: Connection) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        await propose(connection, "name: x\nversion: 1.5\n", effective_from=None, author="li", now=NOW)
    assert len(refused.value.faults) > 1


async def test_every_version_tells_where_it_stands(connection: Connection) -> None:
    await put_in_force(connection, 2, at=NOW + DAY, now=NOW)
    await put_in_force(connection, 3, at=NOW + 9 * DAY, now=NOW)
    await propose(connection, document(4), effective_from=None, author="li", now=NOW)
    known = await versions(connection, now=NOW + 5 * DAY, limit=10)
    assert [(one.version, one.state) for one in known] == [
        (4, "proposed"),
        (3, "scheduled"),
        (2, "in_force"),
        (1, "past"),
    ]
    assert (known[2].effective_from, known[2].effective_to) == (NOW + DAY, NOW + 9 * DAY)
    assert [one.version for one in await versions(connection, now=NOW, before=3, limit=1)] == [2]
    version, text = await version_of(connection, 2, now=NOW)
    assert (version.state, load_policy(text).sha256) == ("scheduled", version.sha256)


async def test_a_book_is_read_again_only_when_something_is_new(connection: Connection) -> None:
    book = await open_policy_book(connection)
    assert await refreshed(connection, book) is book
    await propose(connection, document(2), effective_from=None, author="li", now=NOW)
    assert await refreshed(connection, book) is book
    await approve(connection, 2, approved_by="wang", now=NOW)
    anew = await refreshed(connection, book)
    assert anew.versions == {1, 2}
    assert anew.version(1) is book.version(1)


async def test_approvals_at_once_publish_once(connection: Connection, database: str) -> None:
    await propose(connection, document(2), effective_from=None, author="li", now=NOW)
    others = [await connect(database) for _ in range(4)]
    try:
        approved = await asyncio.gather(
            *(approve(other, 2, approved_by=f"officer {nth}", now=NOW) for nth, other in enumerate(others))
        )
    finally:
        for other in others:
            await other.close()
    assert len({one.approved_by for one in approved}) == 1
    assert await connection.fetchval("select count(*) from policy_publications where version = 2") == 1


async def test_stores_are_told_of_a_policy_and_its_effect(connection: Connection) -> None:
    opened = (NOW - 10 * DAY).date()
    old = (NOW - 400 * DAY).date()
    for store_id, day in (("new", opened), ("bare", old)):
        await connection.execute(
            "insert into stores values ($1, 'Store', 'o1', 2, $2, 'mobile', 'clothing', $3, $3)",
            store_id,
            day,
            NOW,
        )
    current = load_policy(shipped_text())
    coming = load_policy(document(2).replace("amount: level * 100000", "amount: level * 150000"))
    told = await announce(
        connection,
        ["new", "bare", "unknown"],
        current=current,
        coming=coming,
        effective_from=NOW + 30 * DAY,
        day_withdrawn_share_bp={},
        ids=IdMaker(),
        now=NOW,
    )
    assert told == 2
    (message,) = await inbox(connection, "new", limit=10)
    assert (message.message.data["total_now"], message.message.data["total_then"]) == (200_000, 300_000)
    assert message.message.data["effective_on"] == "2026-04-01"
    assert "由¥2,000.00变为¥3,000.00" in message.message.message_zh
    (message,) = await inbox(connection, "bare", limit=10)
    assert (message.message.data["total_now"], message.message.data["total_then"]) == (None, None)


def test_an_empty_book_marks_nothing() -> None:
    assert PolicyBook([]).mark == (0, 0, 0)
