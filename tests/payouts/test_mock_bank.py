"""Payouts through a bank that shares no code with Houfu: what it takes, and what becomes of what it says (D1, D5)."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date, datetime, timedelta

import pytest
from asyncpg import Record

from banking import payouts_of
from houfu.app import SINCE_EVER
from houfu.core.calendar import shipped_calendar
from houfu.iso20022 import pain001
from houfu.payouts import actions
from houfu.payouts.rails.directory import DirectoryRail
from houfu.payouts.reports import Ingested
from houfu.payouts.work import Rails
from houfu.policy.book import PolicyBook, Published
from houfu.reconciliation import proofs
from houfu.reconciliation.actions import StatementUnknown
from houfu.reconciliation.desk import desk_of
from payouts.mock_bank import HELD, MockBank, Sent, open_mock_bank
from withdrawals.programme import MONDAY, TERMS, TUESDAY, Programme

EVENING = MONDAY.replace(hour=23)
FIRST, SECOND, THIRD, FOURTH = (date(2026, 3, 2) + timedelta(days=n) for n in range(4))
CARD = "6222020200011111123"
CLOSED_CARD = "6222020200010000999"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[MockBank]:
    with open_mock_bank(tmp_path_factory.mktemp("mock-bank")) as bank:
        yield bank


@pytest.fixture
def bank(running: MockBank) -> MockBank:
    running.begin()
    return running


async def ask(programme: Programme, amounts: list[int], *, closed: int | None = None) -> list[str]:
    """A store for each amount, which asks for it; the end-to-end ids of their payments."""
    asked: list[str] = []
    for n, amount in enumerate(amounts):
        await programme.open_store(f"s{n}", balance=100_000, number=CLOSED_CARD if n == closed else CARD)
        asked.append((await programme.ask(amount, f"s{n}")).id.partition(".")[0])
    return asked


async def cut_off(programme: Programme, bank: MockBank) -> bytes:
    """The evening's one file, as it goes to the bank."""
    (batch_id,) = await actions.cut_off(
        programme.connection, bank.rails, terms=TERMS, ids=programme.ids, now=EVENING
    )
    await programme.connection.execute("update payout_files set status = 'sent', sent_at = $1", EVENING)
    return await actions.file_content(programme.connection, batch_id, 1)


async def take_in(programme: Programme, bank: MockBank, sent: list[Sent], *, at: datetime) -> list[Ingested]:
    desk = desk_of(
        lambda: PolicyBook([Published(programme.policy, SINCE_EVER)]), shipped_calendar, programme.ids
    )
    return [
        await desk.ingest(programme.connection, bank.rail, f"{n}-{at:%d%H%M%S}.xml", each.content, now=at)
        for n, each in enumerate(sent)
    ]


async def day_begins(programme: Programme, bank: MockBank, day: date) -> list[Ingested]:
    """The bank's clock moves to `day`, and all it sent is taken in."""
    bank.move_to(day)
    at = datetime(day.year, day.month, day.day, 0, 5, tzinfo=TERMS.zone)
    return await take_in(programme, bank, bank.sent(), at=at)


def told(taken: list[Ingested]) -> list[tuple[str, str, int]]:
    return [(each.kind, each.status, each.answers) for each in taken]


async def statuses(programme: Programme) -> list[str]:
    rows = await programme.connection.fetch("select status from withdrawals order by store_id")
    return [row["status"] for row in rows]


async def reasons(programme: Programme) -> list[tuple[str | None, str | None]]:
    rows = await programme.connection.fetch(
        "select bank_reason, bank_words from withdrawals order by store_id"
    )
    return [(row["bank_reason"], row["bank_words"]) for row in rows]


async def balance(programme: Programme, store_id: str) -> int:
    return (await programme.balances(store_id))["store_balance"]


async def breaks(programme: Programme) -> list[Record]:
    return await programme.connection.fetch("select day, kind, amount, status from breaks order by day, kind")


async def proven(programme: Programme, bank: MockBank, *days: date) -> list[bool]:
    return [(await proofs.proof(programme.connection, bank.rail.name, day)).proven for day in days]


async def test_a_file_is_accepted_booked_and_stated_and_the_days_are_proven(
    programme: Programme, bank: MockBank
) -> None:
    ids = await ask(programme, [60_000, 50_001, 99])
    content = await cut_off(programme, bank)
    said = bank.take(content)
    assert (said["status"], said["accepted"], said["findings"]) == ("ACCP", 3, [])
    assert [payment["end_to_end_id"] for payment in said["payments"]] == ids
    assert told(await take_in(programme, bank, bank.sent(), at=EVENING)) == [("pain.002", "taken", 0)]
    assert await programme.connection.fetchval("select status from payout_files") == "accepted"
    assert told(await day_begins(programme, bank, SECOND)) == [
        ("camt.054", "taken", 3),
        ("camt.053", "taken", 0),
    ]
    assert await statuses(programme) == ["paid"] * 3
    assert told(await day_begins(programme, bank, THIRD)) == [("camt.053", "taken", 0)]
    proof = await proofs.proof(programme.connection, bank.rail.name, SECOND)
    assert (proof.opening, proof.closing, proof.debits) == (HELD, HELD - 110_100, 110_100)
    assert (proof.lines, proof.matched, proof.opening_follows) == (3, 3, True)
    assert await proven(programme, bank, FIRST, SECOND) == [True, True]
    assert await breaks(programme) == []


async def test_a_bank_that_says_nothing_before_its_statement_is_believed_by_its_statement(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 40_000])
    bank.behave("silent")
    bank.take(await cut_off(programme, bank))
    bank.move_to(THIRD)
    sent = [each for each in bank.sent() if each.kind != "camt.054"]
    assert [each.kind for each in sent] == ["camt.053"] * 2
    taken = await take_in(programme, bank, sent, at=TUESDAY + timedelta(days=1))
    assert told(taken) == [("camt.053", "taken", 0), ("camt.053", "taken", 2)]
    assert await statuses(programme) == ["paid"] * 2
    assert await proven(programme, bank, FIRST, SECOND) == [True, True]


async def test_a_payment_to_a_closed_account_is_rejected_and_its_money_is_back(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 50_000], closed=1)
    bank.hold_closed_account(CLOSED_CARD)
    assert bank.take(await cut_off(programme, bank))["status"] == "PART"
    assert told(await take_in(programme, bank, bank.sent(), at=EVENING)) == [("pain.002", "taken", 1)]
    assert await statuses(programme) == ["in_transit", "failed"]
    assert await reasons(programme) == [
        (None, None),
        ("AC04", f"the creditor account {CLOSED_CARD} is closed"),
    ]
    assert await balance(programme, "s1") == 100_000
    await day_begins(programme, bank, SECOND)
    await day_begins(programme, bank, THIRD)
    assert await statuses(programme) == ["paid", "failed"]
    assert await proven(programme, bank, FIRST, SECOND) == [True, True]


async def test_what_the_account_does_not_cover_is_rejected_and_the_rest_is_paid(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 50_000, 10_000])
    bank.behave("insufficient-funds")
    bank.hold(70_000)
    said = bank.take(await cut_off(programme, bank))
    assert (said["accepted"], said["rejected"]) == (2, 1)
    await take_in(programme, bank, bank.sent(), at=EVENING)
    await day_begins(programme, bank, SECOND)
    await day_begins(programme, bank, THIRD)
    assert await statuses(programme) == ["paid", "failed", "paid"]
    assert (await reasons(programme))[1][0] == "AM04"
    assert await balance(programme, "s1") == 100_000
    assert await proven(programme, bank, SECOND) == [True]


async def test_a_payment_that_comes_back_later_is_the_stores_again(
    programme: Programme, bank: MockBank
) -> None:
    ids = await ask(programme, [60_000, 50_000])
    bank.behave("return-later", days=1, reason="AC04", end_to_end_id=ids[1])
    bank.take(await cut_off(programme, bank))
    await take_in(programme, bank, bank.sent(), at=EVENING)
    await day_begins(programme, bank, SECOND)
    assert await statuses(programme) == ["paid", "paid"]
    assert await balance(programme, "s1") == 50_000
    # The message between banks is none of ours to read: that is said, and the notification tells it.
    taken = await day_begins(programme, bank, THIRD)
    assert told(taken) == [
        ("unknown", "refused", 0),
        ("camt.054", "taken", 1),
        ("camt.053", "taken", 0),
    ]
    assert "pacs.004.001.09" in (taken[0].fault or "")
    assert await statuses(programme) == ["paid", "failed"]
    assert (await reasons(programme))[1][0] == "AC04"
    assert await balance(programme, "s1") == 100_000
    await day_begins(programme, bank, FOURTH)
    proof = await proofs.proof(programme.connection, bank.rail.name, THIRD)
    assert (proof.credits, proof.returns, proof.came_back) == (50_000, 1, 50_000)
    assert await proven(programme, bank, FIRST, SECOND, THIRD) == [True] * 3
    assert await breaks(programme) == []


async def test_a_return_that_only_the_statement_tells_is_the_stores_again_too(
    programme: Programme, bank: MockBank
) -> None:
    ids = await ask(programme, [60_000])
    bank.behave("return-later", days=1, reason="AC01", end_to_end_id=ids[0])
    bank.take(await cut_off(programme, bank))
    bank.move_to(FOURTH)
    sent = [each for each in bank.sent() if each.kind == "camt.053"]
    taken = await take_in(programme, bank, sent, at=TUESDAY + timedelta(days=2))
    assert [each.answers for each in taken] == [0, 1, 1]
    assert await statuses(programme) == ["failed"]
    assert (await reasons(programme))[0][0] == "AC01"
    assert await balance(programme, "s0") == 100_000
    assert await proven(programme, bank, FIRST, SECOND, THIRD) == [True] * 3


async def test_a_statement_with_a_hole_is_refused_by_the_missing_sum_and_its_day_is_a_break(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 50_001])
    bank.behave("statement-gap")
    bank.take(await cut_off(programme, bank))
    await take_in(programme, bank, bank.sent(), at=EVENING)
    await day_begins(programme, bank, SECOND)
    (gap,) = await day_begins(programme, bank, THIRD)
    assert gap.status == "refused"
    assert "the day does not add up" in (gap.fault or "")
    assert "99998899.99" in (gap.fault or ""), "what the bank says it holds"
    with pytest.raises(StatementUnknown):
        await proofs.proof(programme.connection, bank.rail.name, SECOND)
    assert await statuses(programme) == ["paid", "paid"], "as the notification told"
    assert await breaks(programme) == []
    bank.behave("accept")
    await day_begins(programme, bank, FOURTH)
    assert [(row["day"], row["kind"], row["status"]) for row in await breaks(programme)] == [
        (SECOND, "day_missing", "open")
    ]


async def test_a_file_sent_twice_is_refused_as_a_duplicate_and_harms_nothing(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 50_000])
    content = await cut_off(programme, bank)
    assert bank.take(content)["status"] == "ACCP"
    assert bank.take(content)["reason"] == "DUPL"
    assert told(await take_in(programme, bank, bank.sent(), at=EVENING)) == [
        ("pain.002", "taken", 0),
        ("pain.002", "taken", 0),
    ]
    assert await statuses(programme) == ["in_transit"] * 2, "the file that came first is paid"
    assert await programme.connection.fetchval("select status from payout_files") == "accepted"
    await day_begins(programme, bank, SECOND)
    await day_begins(programme, bank, THIRD)
    assert await statuses(programme) == ["paid"] * 2
    proof = await proofs.proof(programme.connection, bank.rail.name, SECOND)
    assert (proof.proven, proof.debits) == (True, 110_000)


async def test_a_file_that_is_rejected_whole_returns_every_payment(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 50_000])
    bank.behave("reject-file")
    assert bank.take(await cut_off(programme, bank))["reason"] == "FF01"
    assert told(await take_in(programme, bank, bank.sent(), at=EVENING)) == [("pain.002", "taken", 2)]
    assert await statuses(programme) == ["failed"] * 2
    assert [code for code, _ in await reasons(programme)] == ["FF01"] * 2
    assert await programme.connection.fetchval("select status from payout_files") == "rejected"
    await day_begins(programme, bank, THIRD)
    assert [await balance(programme, store) for store in ("s0", "s1")] == [100_000] * 2
    assert await proven(programme, bank, FIRST, SECOND) == [True, True]


async def test_a_file_whose_every_payment_is_rejected_keeps_the_reason_of_each(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000, 50_000])
    bank.behave("insufficient-funds")
    bank.hold(0)
    said = bank.take(await cut_off(programme, bank))
    assert (said["status"], said["reason"], said["rejected"]) == ("RJCT", None, 2)
    await take_in(programme, bank, bank.sent(), at=EVENING)
    assert await statuses(programme) == ["failed"] * 2
    assert [code for code, _ in await reasons(programme)] == ["AM04"] * 2


async def test_what_was_accepted_may_still_be_rejected_on_its_day(
    programme: Programme, bank: MockBank
) -> None:
    await ask(programme, [60_000])
    assert bank.take(await cut_off(programme, bank))["status"] == "ACCP"
    bank.close()
    taken = await day_begins(programme, bank, SECOND)
    assert told(taken)[:2] == [("pain.002", "taken", 0), ("pain.002", "taken", 1)]
    assert await statuses(programme) == ["failed"]
    assert (await reasons(programme))[0][0] == "AC04"
    assert await balance(programme, "s0") == 100_000


async def test_the_worker_and_the_bank_meet_in_two_folders(programme: Programme, bank: MockBank) -> None:
    ids = await ask(programme, [60_000, 50_000])
    looks = 0

    async def looked() -> None:
        nonlocal looks
        looks += 1

    rail = DirectoryRail(
        outgoing=bank.drop, incoming=bank.pickup, archives=("processed", "failed"), pause=looked
    )
    worker = payouts_of(
        programme.pool,
        programme.clock,
        programme.policy,
        ids=programme.ids,
        rails=Rails(bank.rails, {bank.rail.name: rail}, {}),
    )
    programme.clock.move_to(EVENING)
    await programme.run(worker)
    (handed,) = bank.drop.glob("*.xml")
    content = handed.read_bytes()
    assert [t.end_to_end_id for g in pain001.read(content).groups for t in g.transfers] == ids
    bank.scan()
    assert await rail.has(handed.stem, content), "the bank moved it away"
    bank.move_to(THIRD)
    await programme.work(TUESDAY.replace(hour=23), payouts=worker)
    assert looks > 0
    assert await statuses(programme) == ["paid"] * 2
    assert await proven(programme, bank, FIRST, SECOND) == [True, True]
    # The bank's other customers' statements lie in the same folder: each is refused by its account.
    rows = await programme.connection.fetch("select fault from bank_reports where status = 'refused'")
    assert rows
    assert all("is not the account of mock" in row["fault"] for row in rows)
