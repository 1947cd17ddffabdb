"""A partner's facility: never allocated beyond what was committed, and freed again (B1)."""

import asyncio
from collections.abc import AsyncGenerator
from random import Random

import pytest

from houfu.db.tx import connect
from houfu.funding import actions as funding
from houfu.funding.facility import Allocation, Facilities, Facility
from houfu.lines.assessing import assess
from lines.programme import BASE_OF_LEVEL, START, Programme, edited, open_programme, small_policy

HEADROOM = "inputs:\n  - {name: bank_headroom, unit: fen, min: 0, max: 100000000000000, zh: 银行剩余, en: left at the bank}\n"
BANK = """
partners:
  - code: city_bank
    when: level >= 2 AND bank_headroom >= 30
    cap: "300"
    headroom: bank_headroom
    price_ppm_per_day: 120
    zh: 城市银行出资
    en: funded by the city bank
"""


@pytest.fixture
async def programme(database: str) -> AsyncGenerator[Programme]:
    text = edited(small_policy(), {"inputs:\n": HEADROOM}) + BANK
    async with open_programme(database, text) as programme:
        yield programme
        assert (await programme.verify()).first_break is None


async def commit(programme: Programme, committed: int) -> Facility:
    return await funding.put_facility(
        programme.connection, "city_bank", currency="CNY", committed=committed, author="test", now=START
    )


async def facility(programme: Programme) -> Facility:
    (found,) = await funding.list_facilities(programme.connection)
    return found


async def test_limits_are_allocated_until_nothing_is_left_and_the_next_store_is_the_programmes(
    programme: Programme,
) -> None:
    await commit(programme, 200)
    for store_id in ("s1", "s2", "s3", "s4"):
        await programme.open_store(store_id, level=2)
    seen = {store_id: await programme.view(store_id) for store_id in ("s1", "s2", "s3", "s4")}
    assert {store_id: (view.total, view.partner) for store_id, view in seen.items()} == {
        "s1": (80, "city_bank"),
        "s2": (80, "city_bank"),
        "s3": (40, "city_bank"),
        "s4": (80, None),
    }
    assert (await facility(programme)).allocated == 200
    assert (seen["s1"].partner_price_ppm_per_day, seen["s4"].partner_price_ppm_per_day) == (120, None)


async def test_a_store_that_is_assessed_again_keeps_its_own_allocation(programme: Programme) -> None:
    await commit(programme, 80)
    await programme.open_store("s1", level=2)
    await programme.assess("s1")
    assert ((await programme.view("s1")).total, (await facility(programme)).allocated) == (80, 80)


async def test_what_a_store_no_longer_needs_is_free_for_another(programme: Programme) -> None:
    await commit(programme, 80)
    await programme.open_store("s1", level=2)
    await programme.set_level("s1", 1)
    assert (await facility(programme)).allocated == 0
    await programme.open_store("s2", level=2)
    assert (await programme.view("s2")).partner == "city_bank"


async def test_a_commitment_that_is_taken_back_leaves_made_limits_and_no_headroom(
    programme: Programme,
) -> None:
    await commit(programme, 80)
    await programme.open_store("s1", level=2)
    taken_back = await commit(programme, 10)
    assert (taken_back.allocated, taken_back.headroom) == (80, 0)
    assert (await programme.view("s1")).total == 80
    await programme.assess("s1")
    assert ((await programme.view("s1")).partner, (await facility(programme)).allocated) == (None, 0)


async def test_a_facility_keeps_its_currency(programme: Programme) -> None:
    await commit(programme, 80)
    with pytest.raises(funding.CurrencyDiffers):
        await funding.put_facility(
            programme.connection, "city_bank", currency="USD", committed=1, author="test", now=START
        )


async def test_opposed_assessments_never_allocate_beyond_the_commitment(programme: Programme) -> None:
    await commit(programme, 430)
    stores = [f"s{number:02}" for number in range(12)]
    for store_id in stores:
        await programme.add_store(store_id, level=2)
    connections = [await connect(programme.dsn, as_app=True) for _ in range(4)]

    async def work(number: int) -> None:
        random = Random(number)
        for _ in range(6):
            part = random.sample(stores, 4)
            await assess(
                connections[number], part, book=programme.book, cause="asked", author="test",
                ids=programme.ids, now=START,
            )  # fmt: skip

    try:
        await asyncio.gather(*(work(number) for number in range(4)))
    finally:
        for connection in connections:
            await connection.close()
    allocated = await programme.connection.fetchval("select sum(amount)::bigint from allocations")
    assert (await facility(programme)).allocated == allocated <= 430
    over = await programme.connection.fetchval(
        "select count(*) from lines l left join allocations a using (store_id)"
        " where l.partner is not null and l.total > coalesce(a.amount, 0)"
    )
    assert over == 0
    assert BASE_OF_LEVEL == 40


def test_the_working_copies_move_what_is_allocated() -> None:
    facilities = Facilities(
        [Facility(partner="a", currency="CNY", committed=100, allocated=30)], [Allocation("s1", "a", 30)]
    )
    assert facilities.headroom("s1") == {"a": 100}
    assert facilities.headroom("s2") == {"a": 70}
    facilities.allocate("s1", None, 0)
    facilities.allocate("s2", "a", 100)
    assert facilities.headroom("s1") == {"a": 0}
    assert facilities.changed == ([Allocation("s2", "a", 100)], ["s1"])
