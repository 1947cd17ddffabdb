"""The dates of a decision's layers."""

from datetime import date, datetime, timedelta

import pytest

from houfu.policy.document import shipped_policy
from houfu.policy.evaluate import evaluate
from houfu.policy.inputs import EmergencyGrant
from houfu.policy.layers import DatedLayer, date_layers
from houfu.policy.periods import add_months, full_months

from .test_cases import CASES

GOOD: dict[str, int] = CASES[0]["inputs"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def dated(
    changes: dict[str, int],
    now: str,
    *,
    course: str | None = None,
    grants: tuple[EmergencyGrant, ...] = (),
) -> dict[str, DatedLayer]:
    layers = date_layers(
        shipped_policy(),
        evaluate(shipped_policy(), GOOD | changes),
        assessed_at=at(now),
        course_completed_at=at(course) if course else None,
        grants=grants,
    )
    assert len({(layer.kind, layer.valid_from) for layer in layers}) == len(layers)
    return {layer.kind: layer for layer in layers}


def test_each_layer_has_its_own_dates() -> None:
    layers = dated({"promotion_open": 1}, "2026-06-05T10:00:00", course="2026-04-30T08:00:00")
    assert {kind: layer.valid_until for kind, layer in layers.items()} == {
        "base": None,
        "rating_boost": at("2027-06-05T00:00:00"),
        "volume_boost": at("2026-12-05T00:00:00"),
        "training_boost": at("2026-07-30T00:00:00"),
        "promotion": at("2026-06-21T00:00:00"),
    }
    assert all(layer.valid_from == at("2026-06-05T10:00:00") for layer in layers.values())
    assert all(layer.valid_from.utcoffset() == timedelta(0) for layer in layers.values())
    assert layers["base"].reason == "earned_base"
    assert layers["base"].amount == CASES[0]["expect"]["base"]


def test_a_layer_of_nothing_is_left_out() -> None:
    layers = dated({"course_active": 0, "dsr_held_months": 0, "gmv_3m": 0}, "2026-03-05T10:00:00")
    assert layers == {}


def test_the_first_months_base_names_its_own_rule() -> None:
    assert (
        dated({"months_open": 0, "course_active": 0}, "2026-03-05T10:00:00")["base"].reason == "first_month"
    )


def test_a_month_end_is_clamped_and_the_day_is_local() -> None:
    layers = dated({"course_active": 0}, "2026-08-31T00:30:00")
    assert layers["volume_boost"].valid_until == at("2027-02-28T00:00:00")


def test_each_emergency_grant_in_force_is_a_layer_from_its_grant_to_its_end() -> None:
    begun, ends = at("2026-03-01T09:00:00"), at("2026-03-20T18:00:00")
    grants = (
        EmergencyGrant(amount=500, granted_at=begun, ends_at=ends),
        EmergencyGrant(amount=300, granted_at=begun + timedelta(days=1), ends_at=ends + timedelta(days=9)),
        EmergencyGrant(amount=999, granted_at=begun, ends_at=begun + timedelta(hours=1)),
    )
    decision = evaluate(shipped_policy(), GOOD | {"emergency": 800, "course_active": 0})
    layers = date_layers(
        shipped_policy(),
        decision,
        assessed_at=at("2026-03-10T10:00:00"),
        course_completed_at=None,
        grants=grants,
    )
    found = [
        (layer.amount, layer.valid_from, layer.valid_until) for layer in layers if layer.kind == "emergency"
    ]
    assert found == [(500, begun, ends), (300, begun + timedelta(days=1), ends + timedelta(days=9))]


def test_grants_made_at_one_moment_become_one_layer_until_the_first_of_them_ends() -> None:
    begun = at("2026-03-01T09:00:00")
    grants = tuple(
        EmergencyGrant(amount=500, granted_at=begun, ends_at=begun + timedelta(days=days))
        for days in (20, 10)
    )
    layer = dated({"emergency": 1000, "course_active": 0}, "2026-03-02T00:00:00", grants=grants)["emergency"]
    assert (layer.amount, layer.valid_until) == (1000, begun + timedelta(days=10))


@pytest.mark.parametrize(
    "changes, now, course, words",
    [
        ({}, "2026-03-05T10:00:00", None, "no course completion"),
        ({}, "2026-03-05T10:00:00", "2025-12-01T10:00:00", "ended"),
        ({"promotion_open": 1, "course_active": 0}, "2026-03-05T10:00:00", None, "no promotion window"),
        ({"emergency": 1, "course_active": 0}, "2026-03-05T10:00:00", None, "no grant"),
    ],
)
def test_a_decision_without_the_dated_fact_it_rests_on_is_refused(
    changes: dict[str, int], now: str, course: str | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        dated(changes, now, course=course)


def test_months_are_added_and_counted_consistently() -> None:
    first = date(2023, 1, 1)
    for offset in range(0, 800, 7):
        day = first + timedelta(days=offset)
        for months in (0, 1, 2, 11, 12, 25):
            later = add_months(day, months)
            assert full_months(day, later) == months
            assert full_months(day, later - timedelta(days=1)) == months - 1
