"""Decisions that the policy refers to a person: nothing rises before somebody said so (C3)."""

from collections.abc import AsyncGenerator
from typing import Literal

import pytest

from houfu.events.actions import inbox
from houfu.events.message import Kind
from houfu.lines import referrals
from houfu.lines.assessing import Assessing, assess
from lines.programme import BASE_OF_LEVEL, Programme, open_programme, small_policy

REFERRING = """
refer_rules:
  - code: higher_level
    when: level > 1
    zh: 等级高于1级需人工复核
    en: a level above 1 wants a person to look
"""


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    async with open_programme(database, small_policy() + REFERRING) as programme:
        yield programme
        assert (await programme.verify()).first_break is None


async def assessed(programme: Programme, *, referral: Literal["open", "accepted"] = "open") -> Assessing:
    return await assess(
        programme.connection,
        ["s1"],
        book=programme.book,
        cause="assessment_requested",
        author="operator:test",
        ids=programme.ids,
        now=programme.clock.now(),
        referral=referral,
    )


async def raised(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.connection.execute("update stores set level = 3")


async def test_a_referred_rise_waits_and_the_store_is_told(programme: Programme) -> None:
    await raised(programme)
    made = await assessed(programme)
    assert (made.referred, made.changed) == (frozenset({"s1"}), 0)
    assert (await programme.view("s1")).total == BASE_OF_LEVEL
    (waiting,) = await referrals.referrals(programme.connection, status="open", before=None, limit=5)
    assert (waiting.store_id, waiting.rules) == ("s1", ["higher_level"])
    assert (waiting.from_total, waiting.to_total) == (BASE_OF_LEVEL, 3 * BASE_OF_LEVEL)
    (told,) = await inbox(programme.connection, "s1", kind=Kind.LIMIT_REFERRED, limit=5)
    assert "等级高于1级需人工复核" in told.message.message_zh


async def test_a_newer_referral_takes_the_place_of_the_open_one(programme: Programme) -> None:
    await raised(programme)
    await assessed(programme)
    await assessed(programme)
    every = await referrals.referrals(programme.connection, status=None, before=None, limit=5)
    assert sorted(referral.status for referral in every) == ["open", "superseded"]


async def test_a_store_that_waits_for_a_person_is_not_tried_again(programme: Programme) -> None:
    await raised(programme)
    await programme.connection.execute("update lines set assess_at = $1", programme.clock.now())
    await assessed(programme)
    assert await programme.connection.fetchval("select assess_at from lines") is None


async def test_accepting_decides_anew_and_applies_what_is_decided_then(programme: Programme) -> None:
    await raised(programme)
    await assessed(programme)
    await programme.connection.execute("update stores set level = 2")
    closed = await referrals.close(
        programme.connection, "s1", "accepted", note="seen", author="operator:li", now=programme.clock.now()
    )
    assert (closed.status, closed.decided_by, closed.note) == ("accepted", "operator:li", "seen")
    await assessed(programme, referral="accepted")
    assert (await programme.view("s1")).total == 2 * BASE_OF_LEVEL


async def test_declining_leaves_the_limit(programme: Programme) -> None:
    await raised(programme)
    await assessed(programme)
    await referrals.close(
        programme.connection, "s1", "declined", note="", author="operator:li", now=programme.clock.now()
    )
    assert (await programme.view("s1")).total == BASE_OF_LEVEL
    with pytest.raises(referrals.ReferralUnknown):
        await referrals.close(
            programme.connection, "s1", "declined", note="", author="x", now=programme.clock.now()
        )


async def test_what_lowers_a_limit_is_never_held_back(programme: Programme) -> None:
    await programme.add_store("s1", level=3)
    await assessed(programme, referral="accepted")
    assert (await programme.view("s1")).total == 3 * BASE_OF_LEVEL
    await programme.connection.execute("update stores set level = 2")
    await assessed(programme)
    assert (await programme.view("s1")).total == 2 * BASE_OF_LEVEL


async def test_a_first_assessment_that_is_referred_opens_no_line(programme: Programme) -> None:
    await programme.add_store("s1", level=3)
    made = await assessed(programme)
    assert made.referred == frozenset({"s1"})
    assert await programme.connection.fetchval("select count(*) from lines") == 0
