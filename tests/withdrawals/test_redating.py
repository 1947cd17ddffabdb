"""A notice that comes while withdrawals are open: their dates move once, with a trail and a message (D1)."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from calendars.notices import EARLIER_2027, NOTICE_2027
from houfu.calendars.actions import effective_calendar, import_notice
from houfu.core.calendar import local_moment
from houfu.db.tx import Connection
from houfu.events.actions import inbox
from houfu.events.message import MEANING, Kind
from houfu.withdrawals import redating
from houfu.withdrawals.ask import WithdrawalView
from houfu.withdrawals.redating import News, Redater, WithdrawalUnknown, recompute, redatings
from houfu.withdrawals.withdrawal import first_inquiry_at
from withdrawals.programme import TERMS, Programme, hex_of

LAST_DAY = datetime(2026, 12, 31, 10, tzinfo=TERMS.zone)
NOON = LAST_DAY + timedelta(hours=2)
IN_PROMOTION = datetime(2026, 11, 11, 10, tzinfo=TERMS.zone)


async def take_up(programme: Programme, at: datetime) -> None:
    """Hold the calendar in force, as the service does."""
    programme.calendar = await effective_calendar(programme.connection, "cn", now=at)


async def notice(programme: Programme, text: str, *, at: datetime = NOON, author: str = "treasury") -> bool:
    done = await import_notice(
        programme.connection, "cn", text, author=author, note="made up", now=at.astimezone(UTC)
    )
    return done.changed


async def work_off(programme: Programme, at: datetime = NOON, *, chunk: int = redating.CHUNK) -> int:
    worker = Redater(programme.pool, policy_at=lambda _: programme.policy, ids=programme.ids, chunk=chunk)
    done = 0
    while looked_at := await worker.run_due(at.astimezone(UTC)):
        done += looked_at
    return done


async def ask_on_the_last_day(programme: Programme) -> WithdrawalView:
    await programme.open_store(balance=1_000_000, at=LAST_DAY)
    await take_up(programme, LAST_DAY)
    return await programme.ask(100_000, at=LAST_DAY)


async def trail(programme: Programme, id: str) -> list[tuple[date, date, int, str]]:
    found = await redatings(programme.connection, "s1", hex_of(id))
    return [(r.from_arrives_on, r.to_arrives_on, r.calendar_number, r.author) for r in found]


async def told(programme: Programme, store_id: str = "s1") -> list[dict[str, object]]:
    sent = await inbox(programme.connection, store_id, kind=Kind.ARRIVAL_CHANGED, limit=99)
    return [dict(each.message.data) for each in sent]


async def test_a_notice_moves_an_open_withdrawal_with_a_trail_and_a_message(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    assert (asked.arrives_on, asked.provisional) == (date(2027, 1, 4), True)
    assert await notice(programme, NOTICE_2027)
    await take_up(programme, NOON)
    assert await work_off(programme) == 1
    moved = await programme.look(asked.id)
    assert (moved.arrives_on, moved.latest_on) == (date(2027, 1, 5), date(2027, 1, 5))
    assert await trail(programme, asked.id) == [(date(2027, 1, 4), date(2027, 1, 5), 1, "treasury")]
    (sent,) = await inbox(programme.connection, "s1", kind=Kind.ARRIVAL_CHANGED, limit=9)
    assert sent.message.data == {
        "withdrawal_id": asked.id,
        "from_arrives_on": "2027-01-04",
        "to_arrives_on": "2027-01-05",
        "from_latest_on": "2027-01-04",
        "to_latest_on": "2027-01-05",
        "calendar": "cn",
        "calendar_number": 1,
    }
    assert set(sent.message.data) == set(MEANING[Kind.ARRIVAL_CHANGED].fields)
    assert sent.words("zh") == (
        "节假日安排已更新:您2026-12-31申请的提现(¥1,000.00)原预计2027-01-04到账,现预计2027-01-05到账。金额不变。"
    )
    assert sent.words("en") == (
        "A new holiday notice came: the withdrawal of ¥1,000.00 you asked for on 2026-12-31 was expected on 2027-01-04 "
        "and is now expected on 2027-01-05. Its amount stays."
    )


async def test_the_bank_pays_by_the_new_dates_what_was_not_sent_yet(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    await notice(programme, NOTICE_2027)
    await work_off(programme)
    programme.clock.move_to(NOON)
    await programme.work(local_moment(date(2027, 1, 1), NOON.time(), TERMS.zone))
    execution_on = await programme.connection.fetchval("select execution_on from payout_batches")
    assert execution_on == date(2027, 1, 5)
    assert (await programme.look(asked.id)).status == "in_transit"


async def test_the_same_notice_and_the_same_work_again_move_nothing(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    await notice(programme, NOTICE_2027)
    assert await work_off(programme) == 1
    assert not await notice(programme, NOTICE_2027)
    assert await work_off(programme) == 0
    assert len(await trail(programme, asked.id)) == len(await told(programme)) == 1


async def test_quotes_before_and_after_a_notice_are_those_of_their_calendars(programme: Programme) -> None:
    before = await ask_on_the_last_day(programme)
    await notice(programme, NOTICE_2027)
    await take_up(programme, NOON)
    after = await programme.ask(200_000, at=NOON)
    assert (before.arrives_on, before.provisional) == (date(2027, 1, 4), True)
    assert (after.arrives_on, after.provisional) == (date(2027, 1, 5), False)
    # The second rests on the notice already: only the first is looked at.
    assert await work_off(programme) == 1
    assert await trail(programme, after.id) == []


async def test_whoever_asked_by_the_old_calendar_while_the_notice_came_is_moved_too(
    programme: Programme,
) -> None:
    first = await ask_on_the_last_day(programme)
    await notice(programme, NOTICE_2027)
    assert await work_off(programme) == 1
    # A service that has not heard of the notice yet.
    late = await programme.ask(200_000, at=NOON)
    assert late.arrives_on == date(2027, 1, 4)
    assert await work_off(programme) == 1
    assert (await programme.look(late.id)).arrives_on == date(2027, 1, 5)
    assert len(await trail(programme, first.id)) == len(await trail(programme, late.id)) == 1


async def test_a_correction_moves_it_back_and_forward_and_every_move_stays_told(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    for text, author in ((NOTICE_2027, "li"), (EARLIER_2027, "wang"), (NOTICE_2027, "li")):
        assert await notice(programme, text, author=author)
        await work_off(programme)
    assert await trail(programme, asked.id) == [
        (date(2027, 1, 4), date(2027, 1, 5), 1, "li"),
        (date(2027, 1, 5), date(2027, 1, 2), 2, "wang"),
        (date(2027, 1, 2), date(2027, 1, 5), 3, "li"),
    ]
    assert len(await told(programme)) == 3


async def test_a_notice_that_moves_no_date_tells_nobody(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    await take_up(programme, LAST_DAY)
    asked = await programme.ask(100_000)
    await notice(programme, NOTICE_2027)
    assert await work_off(programme) == 1
    assert (await programme.look(asked.id)).arrives_on == date(2026, 3, 3)
    assert await trail(programme, asked.id) == await told(programme) == []


async def test_what_ended_keeps_its_dates(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    await programme.cancel(asked.id, at=NOON)
    await notice(programme, NOTICE_2027)
    assert await work_off(programme) == 0
    assert (await programme.look(asked.id)).arrives_on == date(2027, 1, 4)


async def test_what_is_at_the_bank_is_told_anew_and_asked_after_on_the_new_day(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    programme.clock.move_to(NOON)
    night = local_moment(date(2027, 1, 1), NOON.time(), TERMS.zone)
    await programme.work(night)
    assert (await programme.look(asked.id)).status == "in_transit"
    await notice(programme, NOTICE_2027, at=night)
    assert await work_off(programme, night) == 1
    row = await programme.connection.fetchrow("select arrives_on, due_at from withdrawals")
    assert row is not None
    assert row["arrives_on"] == date(2027, 1, 5)
    assert row["due_at"] == first_inquiry_at(TERMS, date(2027, 1, 5))
    # What the bank was told stays there.
    assert await programme.connection.fetchval("select execution_on from payout_batches") == date(2027, 1, 4)


async def test_nothing_is_told_to_arrive_in_the_past(programme: Programme) -> None:
    asked = await ask_on_the_last_day(programme)
    programme.clock.move_to(NOON)
    sunday = local_moment(date(2027, 1, 3), NOON.time(), TERMS.zone)
    await programme.work(sunday)
    # The notice would have had it arrive on Saturday the 2nd.
    await notice(programme, EARLIER_2027, at=sunday)
    await work_off(programme, sunday)
    assert (await programme.look(asked.id)).arrives_on == date(2027, 1, 4)
    assert await trail(programme, asked.id) == []


async def test_in_a_promotion_both_the_expected_and_the_latest_day_move(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, at=IN_PROMOTION)
    await take_up(programme, IN_PROMOTION)
    asked = await programme.ask(100_000, at=IN_PROMOTION)
    assert (asked.arrives_on, asked.latest_on) == (date(2026, 11, 12), date(2026, 11, 16))
    shut = "# name: cn\n# version: invented\n# years: 2026\ndate,kind,name\n2026-11-13,holiday,test\n"
    await notice(programme, shut, at=IN_PROMOTION + timedelta(hours=1))
    await work_off(programme, IN_PROMOTION + timedelta(hours=1))
    moved = await programme.look(asked.id)
    assert (moved.arrives_on, moved.latest_on) == (date(2026, 11, 12), date(2026, 11, 17))
    (sent,) = await inbox(programme.connection, "s1", kind=Kind.ARRIVAL_CHANGED, limit=9)
    assert "最迟2026-11-17" in sent.words("zh")
    assert "at the latest on 2026-11-17" in sent.words("en")


async def test_three_workers_at_once_move_each_once(programme: Programme) -> None:
    stores = [f"s{n}" for n in range(40)]
    await take_up(programme, LAST_DAY)
    ids: dict[str, str] = {}
    for store_id in stores:
        await programme.open_store(store_id, balance=1_000_000, at=LAST_DAY)
        ids[store_id] = (await programme.ask(100_000, store_id, at=LAST_DAY)).id
    await notice(programme, NOTICE_2027)
    looked_at = await asyncio.gather(*(work_off(programme, chunk=7) for _ in range(3)))
    assert sum(looked_at) == len(stores)
    for store_id in stores:
        assert (await programme.look(ids[store_id], store_id)).arrives_on == date(2027, 1, 5)
        assert len(await told(programme, store_id)) == 1
    assert await programme.connection.fetchval("select count(*) from withdrawal_redatings") == len(stores)


async def test_a_worker_that_is_killed_in_the_middle_leaves_whole_withdrawals(programme: Programme) -> None:
    await take_up(programme, LAST_DAY)
    for n in range(10):
        await programme.open_store(f"s{n}", balance=1_000_000, at=LAST_DAY)
        await programme.ask(100_000, f"s{n}", at=LAST_DAY)
    await notice(programme, NOTICE_2027)
    (news,) = await redating.newest_versions(programme.connection)
    assert news.outdated

    async def chunk() -> int:
        return await recompute(
            programme.connection,
            news,
            policy_at=lambda _: programme.policy,
            ids=programme.ids,
            now=NOON.astimezone(UTC),
            limit=4,
        )

    assert await chunk() == 4
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with programme.connection.transaction():
            assert await chunk() == 4
            await programme.connection.execute("select 1 / 0")
    moved = await programme.connection.fetch(
        "select store_id from withdrawals where arrives_on = '2027-01-05'"
    )
    kept = await programme.connection.fetch("select store_id from withdrawal_redatings")
    assert {row["store_id"] for row in moved} == {row["store_id"] for row in kept}
    assert len(moved) == 4
    assert await work_off(programme) == 6
    assert [len(await told(programme, f"s{n}")) for n in range(10)] == [1] * 10


async def test_another_calendar_s_notice_moves_nothing_here(programme: Programme) -> None:
    await ask_on_the_last_day(programme)
    text = NOTICE_2027.replace("# name: cn", "# name: DE")
    await import_notice(programme.connection, "DE", text, author="li", note="", now=NOON.astimezone(UTC))
    assert await work_off(programme) == 0


async def test_the_trail_of_a_withdrawal_that_is_none_is_unknown(programme: Programme) -> None:
    with pytest.raises(WithdrawalUnknown):
        await redatings(programme.connection, "s1", "0" * 32)


@pytest.mark.parametrize(
    "statement", ["update withdrawal_redatings set author = 'x'", "delete from withdrawal_redatings"]
)
async def test_the_trail_is_never_changed(programme: Programme, statement: str) -> None:
    await ask_on_the_last_day(programme)
    await notice(programme, NOTICE_2027)
    await work_off(programme)
    async with programme.pool.acquire() as connection:
        await connection.execute("set role houfu_app")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
        await connection.execute("reset role")


async def test_whatever_else_rests_on_working_days_joins_in(programme: Programme) -> None:
    """As reviews may, whose last day is a working day (D10)."""
    left = 3

    async def recompute_reviews(connection: Connection, news: News, now: datetime) -> int:
        nonlocal left
        assert (news.name, news.number, now) == ("cn", 1, NOON.astimezone(UTC))
        left, looked_at = max(0, left - 2), min(left, 2)
        return looked_at

    worker = Redater(
        programme.pool, policy_at=lambda _: programme.policy, ids=programme.ids, others=[recompute_reviews]
    )
    assert await worker.run_due(NOON.astimezone(UTC)) == 0
    await notice(programme, NOTICE_2027)
    assert [await worker.run_due(NOON.astimezone(UTC)) for _ in range(3)] == [2, 1, 0]
