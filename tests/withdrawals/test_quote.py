"""The worked cases of a quote, and what it refuses to take."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from houfu.core.calendar import shipped_calendar
from houfu.core.money import MAX_AMOUNT
from houfu.policy.document import shipped_policy
from houfu.withdrawals.preview import Quote, quote
from houfu.withdrawals.terms import withdrawal_terms

CASES = json.loads((Path(__file__).parent / "cases" / "quote.json").read_text(encoding="utf-8"))
TERMS = withdrawal_terms(shipped_policy().terms)
MONDAY = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
PLAIN: dict[str, Any] = {
    "amount": 100_000,
    "asked_at": MONDAY,
    "prior_count": 3,
    "prior_year_total": 0,
    "promotion": False,
}


def answer(given: Quote) -> dict[str, Any]:
    """The quote as JSON would show it."""
    return {
        "accepted": given.accepted,
        "reason": given.reason,
        "fee": given.fee,
        "fee_rule": given.fee_rule,
        "net": given.net,
        "arrives_on": given.arrives_on and given.arrives_on.isoformat(),
        "latest_on": given.latest_on and given.latest_on.isoformat(),
    }


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_worked_case_is_quoted_as_published(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    asked_at = datetime.fromisoformat(inputs["asked_at"])
    given = answer(quote(TERMS, shipped_calendar(), **{**inputs, "asked_at": asked_at}))
    nothing = dict.fromkeys(given)
    assert given == {**nothing, **case["expect"]}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": MAX_AMOUNT + 1}, "amount"),
        ({"amount": 2**63}, "amount"),
        ({"prior_count": -1}, "prior_count"),
        ({"prior_year_total": -1}, "prior_year_total"),
        ({"asked_at": MONDAY.replace(tzinfo=None)}, "asked_at"),
        ({"asked_at": datetime(9999, 12, 31, 23, tzinfo=UTC)}, "asked_at"),
        ({"asked_at": datetime(1, 1, 1, tzinfo=UTC)}, "asked_at"),
    ],
)
def test_an_impossible_argument_is_named(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}:"):
        quote(TERMS, shipped_calendar(), **{**PLAIN, **changed})


def test_the_largest_amount_is_quoted() -> None:
    given = quote(TERMS, shipped_calendar(), **{**PLAIN, "amount": MAX_AMOUNT})
    assert given.net == MAX_AMOUNT - 54_043_195_528_446


def test_the_day_is_the_programmes_day_not_the_callers() -> None:
    """20:00 UTC on Sunday is already Monday 04:00 in Shanghai."""
    given = quote(TERMS, shipped_calendar(), **{**PLAIN, "asked_at": datetime(2026, 3, 1, 20, tzinfo=UTC)})
    assert given.arrives_on == date(2026, 3, 3)


def test_a_promotion_never_quotes_a_latest_date_before_the_expected_one() -> None:
    for day in range(1, 31):
        asked_at = datetime(2026, 9, day, 12, tzinfo=UTC).astimezone(TERMS.zone)
        given = quote(TERMS, shipped_calendar(), **{**PLAIN, "asked_at": asked_at, "promotion": True})
        assert given.arrives_on is not None
        assert given.latest_on is not None
        assert given.arrives_on < given.latest_on
