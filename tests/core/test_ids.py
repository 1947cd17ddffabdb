"""Ids sort in the order they were made, carry their store, and are read back or refused."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.core.ids import STORE_ID, IdMaker, microseconds_of, parse_public_id, public_id

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_an_id_is_a_version_7_uuid_of_its_moment() -> None:
    id = UUID(IdMaker().make(NOW))
    assert (id.version, id.variant) == (7, "specified in RFC 4122")
    assert id.int >> 80 == microseconds_of(NOW) // 1000


@given(st.lists(st.integers(-3, 3), max_size=200))
def test_ids_sort_in_the_order_they_were_made_whatever_the_clock_says(steps: list[int]) -> None:
    """Two lanes read the clock before they wait for a lock, so that a maker may hear an earlier moment later."""
    maker, now, made = IdMaker(), NOW, list[str]()
    for step in steps:
        now += timedelta(milliseconds=step)
        made.append(maker.make(now))
    assert made == sorted(set(made))


def test_a_standing_clock_makes_more_ids_than_the_first_counter_holds() -> None:
    maker = IdMaker(lambda _: 0)
    made = [maker.make(NOW) for _ in range((1 << 14) + 2)]
    assert made == sorted(set(made))
    assert {UUID(id).version for id in made} == {7}


def test_two_makers_at_one_moment_make_different_ids() -> None:
    assert IdMaker().make(NOW) != IdMaker().make(NOW)
    assert IdMaker(lambda _: 7).make(NOW) == IdMaker(lambda _: 7).make(NOW)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001
def test_microseconds_are_exact(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds_of(moment)) == moment


@given(st.from_regex(STORE_ID, fullmatch=True))
def test_a_public_id_carries_its_store_and_is_read_back(store_id: str) -> None:
    id = IdMaker().make(NOW)
    assert parse_public_id("auth", public_id("auth", id, store_id)) == (store_id, id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auth_",
        "auth_.s1",
        f"auth_{'0' * 32}",
        f"auth_{'0' * 32}.",
        f"auth_{'0' * 31}.s1",
        f"auth_{'0' * 33}.s1",
        f"auth_{'A' * 32}.s1",
        f"auth_{'٠' * 32}.s1",
        f"wd_{'0' * 32}.s1",
        f"auth_{'0' * 32}.s 1",
        f"auth_{'0' * 32}.s1\n",
        f"auth_{'0' * 32}.-s1",
        f"auth_{'0' * 32}.{'s' * 65}",
        f"AUTH_{'0' * 32}.s1",
    ],
)
def test_what_is_no_public_id_is_refused(text: str) -> None:
    assert parse_public_id("auth", text) is None
