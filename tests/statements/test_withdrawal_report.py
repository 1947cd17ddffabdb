"""The report of withdrawals: shares that add up, reasons in the groups of D4, arrivals judged by D1."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.core.reason import Reason, Request, reasons_of
from houfu.statements.withdrawal_report import (
    GROUP_OF,
    SUM_MAX,
    WHOLE_BP,
    Group,
    WithdrawalDay,
    WithdrawalReport,
    failures,
    punctuality,
    shares_bp,
    withdrawal_report,
)

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
PUBLISHED = WithdrawalDay(
    day=MONDAY,
    asked=94,
    refused={"balance_insufficient": 62, "account_abnormal": 18, "maintenance": 9, "account_frozen": 5},
    disputed=6,
)
"""What gives the shares that were published: 62, 18, 9, 5 and 6% (D4)."""


def report_of(*days: WithdrawalDay) -> WithdrawalReport:
    return withdrawal_report(
        days,
        as_of=datetime(2026, 3, 4, tzinfo=UTC),
        store_id=None,
        currency="CNY",
        from_day=MONDAY,
        to_day=TUESDAY,
        language="en",
    )


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ([], []),
        ([0, 0], [0, 0]),
        ([5], [10_000]),
        ([62, 18, 9, 5, 6], [6_200, 1_800, 900, 500, 600]),
        ([1, 1, 1], [3_334, 3_333, 3_333]),  # alike: the earlier one has the point
        ([1, 2], [3_333, 6_667]),  # the larger remainder has it
        ([2, 1], [6_667, 3_333]),
        ([1, 1, 1, 1, 1, 1], [1_667, 1_667, 1_667, 1_667, 1_666, 1_666]),
        ([1, 99_999], [0, 10_000]),
    ],
)
def test_shares_are_rounded_by_largest_remainder(counts: list[int], shares: list[int]) -> None:
    assert shares_bp(counts) == shares


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20))
def test_shares_add_up_and_none_is_a_point_away(counts: list[int]) -> None:
    shares, whole = shares_bp(counts), sum(counts)
    assert sum(shares) == (WHOLE_BP if whole else 0)
    for share, count in zip(shares, counts, strict=True):
        assert abs(share * whole - count * WHOLE_BP) < max(whole, 1)


def test_the_published_shares_are_seen_in_data_that_has_them() -> None:
    report = report_of(PUBLISHED)
    assert [(each.group, each.count, each.share_bp) for each in report.failure_groups] == [
        ("not_enough", 62, 6_200),
        ("account_abnormal", 18, 1_800),
        ("maintenance", 9, 900),
        ("account_frozen", 5, 500),
        ("fee_disputed", 6, 600),
        ("other", 0, 0),
    ]
    assert [each.reason for each in report.failures] == [
        "balance_insufficient",
        "account_abnormal",
        "maintenance",
        "fee_disputed",
        "account_frozen",
    ]


def test_every_reason_of_d4_has_a_group_and_no_reason_of_orders_has() -> None:
    assert set(GROUP_OF.values()) == set(Group) - {Group.OTHER}
    assert set(GROUP_OF) <= {*reasons_of(Request.WITHDRAWAL), Reason.FEE_DISPUTED}


def test_what_the_bank_did_not_pay_is_told_by_its_codes() -> None:
    days = [
        WithdrawalDay(day=MONDAY, failed=3, failed_by_bank={"AC04": 2, "ZZ99": 1}),
        WithdrawalDay(day=TUESDAY, failed=2, failed_by_bank={"AC04": 1, "MS03": 1}),
    ]
    (failure,) = failures(days, "en")
    assert (failure.reason, failure.group, failure.count, failure.share_bp) == (
        "bank_rejected",
        "other",
        5,
        WHOLE_BP,
    )
    assert [(each.code, each.count, each.message) for each in failure.bank_reasons] == [
        ("AC04", 3, "The account is closed"),
        ("MS03", 1, "The bank gave no reason"),
        ("ZZ99", 1, "ZZ99"),
    ]


def test_a_reason_has_words_in_both_languages() -> None:
    words = {language: failures([PUBLISHED], language)[1].message for language in ("zh", "en")}
    assert words == {"zh": "账户存在风险", "en": "The account shows risk"}


def test_what_arrived_is_on_time_by_the_latest_day_or_late() -> None:
    seen = punctuality([WithdrawalDay(day=MONDAY, paid=3, on_time=1, by_latest=1, late=1)])
    assert (seen.arrived, seen.on_time_bp, seen.by_latest_bp, seen.late_bp) == (3, 3_334, 3_333, 3_333)


def test_totals_are_the_sum_of_the_days() -> None:
    report = report_of(
        WithdrawalDay(
            day=MONDAY, asked=3, accepted=2, paid=2, paid_net=900, fees=6, refused={"maintenance": 1}
        ),
        WithdrawalDay(day=TUESDAY, asked=1, accepted=1, failed=1, returned=50, failed_by_bank={"AC04": 1}),
    )
    totals = report.totals
    assert (totals.asked, totals.accepted, totals.refused, totals.paid, totals.paid_net) == (4, 3, 1, 2, 900)
    assert (totals.fees, totals.failed, totals.returned) == (6, 1, 50)
    assert [(day.day, day.asked, day.refused) for day in report.days] == [(MONDAY, 3, 1), (TUESDAY, 1, 0)]


def test_a_report_of_nothing_is_all_zeros() -> None:
    report = report_of()
    assert report.totals.asked == 0
    assert report.failures == () and report.days == ()
    assert sum(each.share_bp for each in report.failure_groups) == 0


def test_sums_stop_where_they_can_be_told_no_more() -> None:
    day = WithdrawalDay(day=MONDAY, accepted_amount=SUM_MAX)
    assert report_of(day, WithdrawalDay(day=TUESDAY, accepted_amount=1)).totals.accepted_amount == SUM_MAX
