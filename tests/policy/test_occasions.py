"""When every store is assessed (B6, B9)."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.occasions import next_occasion, occasions

ZONE = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    "after, due, cause",
    [
        ("2026-01-01T00:00:00", "2026-01-05T00:00:00", "month_check"),
        ("2026-03-31T23:59:59", "2026-04-01T00:00:00", "quarter"),
        ("2026-05-05T00:00:00", "2026-06-01T00:00:00", "promotion"),
        ("2026-10-23T11:11:11", "2026-10-24T00:00:00", "promotion"),
        ("2026-12-05T00:00:00", "2027-01-01T00:00:00", "quarter"),
        ("2026-12-04T00:00:00", "2026-12-05T00:00:00", "month_check"),
    ],
)
def test_the_next_occasion_is_the_nearest_of_all_kinds(after: str, due: str, cause: str) -> None:
    found = next_occasion(shipped_policy(), at(after))
    assert (found.at, found.cause) == (at(due), cause)


def test_a_year_has_four_quarters_twelve_checks_of_each_kind_and_two_promotions() -> None:
    found = list(occasions(shipped_policy(), at("2025-12-31T23:00:00"), at("2026-12-31T23:00:00")))
    assert [occasion.at for occasion in found] == sorted(occasion.at for occasion in found)
    causes = [occasion.cause for occasion in found]
    assert {cause: causes.count(cause) for cause in set(causes)} == {
        "quarter": 4, "month_check": 12, "usage_check": 12, "promotion": 2,
    }  # fmt: skip
    assert len({(occasion.cause, occasion.name) for occasion in found}) == len(found)


def test_the_moment_looked_from_is_past_and_the_moment_looked_to_is_not() -> None:
    quarter = at("2026-04-01T00:00:00")
    assert [o.cause for o in occasions(shipped_policy(), at("2026-03-31T00:00:00"), quarter)] == ["quarter"]
    assert list(occasions(shipped_policy(), quarter, quarter)) == []


def test_what_falls_on_one_day_is_all_found() -> None:
    text = shipped_text().replace("every: quarter, check_day: 5", "every: month, check_day: 1")
    policy = load_policy(text)
    found = list(occasions(policy, at("2026-05-31T00:00:00"), at("2026-06-01T00:00:00")))
    assert [(o.cause, o.name) for o in found] == [
        ("month_check", "2026-06"), ("promotion", "mid_year 2026"), ("quarter", "2026-06"),
    ]  # fmt: skip


def test_a_policy_need_not_check_monthly() -> None:
    policy = load_policy(shipped_text().replace("every: quarter, check_day: 5", "every: quarter"))
    assert next_occasion(policy, at("2026-01-02T00:00:00")).cause == "usage_check"
