"""The preview of a withdrawal: order of checks, liability first, warnings, and the largest amount that breaks nothing."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from houfu.core.calendar import shipped_calendar
from houfu.core.reason import Reason
from houfu.policy.document import shipped_policy
from houfu.policy.terms import Hours24
from houfu.stores.bank_account import AccountTerms
from houfu.withdrawals.account import Account, Destination, Earlier, History
from houfu.withdrawals.cautions import is_large, percent
from houfu.withdrawals.occasion import arrival_of, occasion_of
from houfu.withdrawals.preview import ARRIVAL_NOTE, Preview, preview
from houfu.withdrawals.terms import WithdrawalTerms, withdrawal_terms

TERMS = withdrawal_terms(shipped_policy().terms)
CALENDAR = shipped_calendar()
MONDAY = datetime(2026, 3, 2, 10, tzinfo=TERMS.zone)
NIGHT = datetime(2026, 3, 2, 23, tzinfo=TERMS.zone)
STORE = Account(withdrawable=1_000_000, limit_total=10_000_000, limit_available=8_000_000, months_open=6)
FREE = {"rate_ppm": 0, "minimum": 0}
USUAL = History(prior_count=3, prior_year_total=2_000_000)


def see(
    account: Account = STORE,
    history: History = USUAL,
    *,
    amount: int = 100_000,
    asked_at: datetime = MONDAY,
    destination: Destination | None = None,
    terms: WithdrawalTerms = TERMS,
) -> Preview:
    occasion = occasion_of(terms, CALENDAR, asked_at=asked_at, promotion=False)
    return preview(occasion, account, history, amount=amount, destination=destination)


def terms_with(fee: dict[str, Any] | None = None, **changed: Any) -> WithdrawalTerms:
    """The shipped terms, but for what is given."""
    clause = TERMS.clause
    changed["fee"] = msgspec.structs.replace(clause.fee, **(fee or {}))
    return replace(TERMS, clause=msgspec.structs.replace(clause, **changed))


def rules(seen: Preview) -> list[str]:
    return [warning.rule for warning in seen.warnings]


def test_an_ordinary_withdrawal_is_accepted_in_full() -> None:
    assert see() == Preview(
        accepted=True,
        reason=None,
        fee=600,
        fee_rule=see().fee_rule,
        net=99_400,
        liability_collected=0,
        arrives_on=date(2026, 3, 3),
        latest_on=date(2026, 3, 3),
        provisional=False,
        warnings=(),
        largest_safe_amount=1_000_000,
        facts={},
    )


# Each step adds the trouble of the next check to those before it: the earlier one keeps winning.
ORDER: list[tuple[Reason, dict[str, Any], dict[str, Any]]] = [
    (Reason.MAINTENANCE, {}, {"asked_at": NIGHT}),
    (Reason.ACCOUNT_FROZEN, {"frozen": True}, {}),
    (Reason.ACCOUNT_ABNORMAL, {"abnormal": True}, {}),
    (
        Reason.BANK_ACCOUNT_UNKNOWN,
        {},
        {"destination": Destination(known=False, verified=False, changed_at=MONDAY)},
    ),
    (Reason.BANK_ACCOUNT_UNVERIFIED, {}, {"destination": Destination(verified=False, changed_at=MONDAY)}),
    (Reason.BANK_ACCOUNT_COOLING, {}, {"destination": Destination(changed_at=MONDAY)}),
    (Reason.DAILY_COUNT_EXCEEDED, {}, {"history": replace(USUAL, day_count=5)}),
    (Reason.LIMIT_NOT_WITHDRAWABLE, {"withdrawable": 0, "limit_available": 200}, {}),
    (Reason.BALANCE_INSUFFICIENT, {"withdrawable": 199}, {}),
    (Reason.AMOUNT_TOO_SMALL, {"liability": 200}, {}),
    (Reason.DAILY_AMOUNT_EXCEEDED, {}, {"terms": terms_with(FREE, day_amount_max=199)}),
]


@pytest.mark.parametrize("first", range(len(ORDER)), ids=[row[0].value for row in ORDER])
def test_the_first_failing_check_gives_the_reason(first: int) -> None:
    account, call = STORE, dict[str, Any]()
    for _, of_account, of_call in reversed(ORDER[first:]):
        account = replace(account, **of_account)
        call |= of_call
    seen = see(account, amount=200, **call)
    assert seen.reason is ORDER[first][0]
    assert not seen.accepted
    assert (seen.fee, seen.fee_rule, seen.net, seen.liability_collected) == (None,) * 4
    assert (seen.arrives_on, seen.latest_on) == (None, None)
    assert rules(seen) == (["D6"] if seen.reason is Reason.DAILY_COUNT_EXCEEDED else [])


BALANCES = [
    # withdrawable, limit available, amount, reason
    (0, 500_000, 500_000, Reason.LIMIT_NOT_WITHDRAWABLE),  # nothing but the line: an attempt to draw it
    (0, 500_000, 500_001, Reason.BALANCE_INSUFFICIENT),
    (0, 0, 1, Reason.BALANCE_INSUFFICIENT),
    (300, 500_000, 500, Reason.BALANCE_INSUFFICIENT),  # a balance that is not enough
    (500, 0, 500, None),
]


@pytest.mark.parametrize(("withdrawable", "available", "amount", "reason"), BALANCES)
def test_drawing_the_line_itself_has_its_own_reason(
    withdrawable: int, available: int, amount: int, reason: Reason | None
) -> None:
    account = replace(STORE, withdrawable=withdrawable, limit_available=available)
    assert see(account, amount=amount).reason is reason


def test_liability_is_collected_before_anything_is_paid_out() -> None:
    seen = see(replace(STORE, liability=40_000))
    assert (seen.liability_collected, seen.fee, seen.net) == (40_000, 600, 59_400)


@pytest.mark.parametrize(("liability", "accepted"), [(99_399, True), (99_400, False), (500_000, False)])
def test_a_withdrawal_that_would_pay_nothing_out_is_too_small(liability: int, accepted: bool) -> None:
    seen = see(replace(STORE, liability=liability))
    assert seen.accepted is accepted
    assert seen.reason is (None if accepted else Reason.AMOUNT_TOO_SMALL)
    assert seen.net == (1 if accepted else None)


WARNED: list[tuple[str, dict[str, Any], dict[str, Any], int, list[str]]] = [
    ("half the limit exactly", {}, {}, 5_000_000, []),
    ("one fen over half the limit (B11)", {}, {}, 5_000_001, ["B11"]),
    ("the day's earlier ones count", {}, {"day_amount": 4_900_000}, 100_001, ["B11"]),
    ("the fifth of the day", {}, {"day_count": 4}, 1000, []),
    ("two days after a large one (D7)", {}, {"last_large_on": date(2026, 2, 28)}, 1000, ["D7"]),
    ("three days after a large one", {}, {"last_large_on": date(2026, 2, 27)}, 1000, []),
    ("first month, just under a fifth", {"months_open": 0}, {}, 1_999_999, []),
    ("first month, a fifth (D8)", {"months_open": 0}, {}, 2_000_000, ["D8"]),
    ("second month, a fifth", {"months_open": 1}, {}, 2_000_000, []),
    ("no limit, no share of it", {"limit_total": 0, "months_open": 0}, {}, 9_000_000, []),
    (
        "everything at once, gravest first",
        {"months_open": 0},
        {"last_large_on": date(2026, 3, 1)},
        6_000_000,
        ["B11", "D7", "D8"],
    ),
]


@pytest.mark.parametrize(("name", "of_account", "of_history", "amount", "expected"), WARNED)
def test_a_warning_names_the_rule_and_refuses_no_amount(
    name: str, of_account: dict[str, Any], of_history: dict[str, Any], amount: int, expected: list[str]
) -> None:
    account = replace(STORE, withdrawable=10_000_000, **of_account)
    seen = see(account, replace(USUAL, **of_history), amount=amount)
    assert seen.accepted
    assert rules(seen) == expected


def test_a_warning_says_what_follows_in_both_languages() -> None:
    account = replace(STORE, withdrawable=10_000_000, months_open=0)
    history = replace(USUAL, last_large_on=date(2026, 3, 1))
    seen = see(account, history, amount=6_000_000)
    assert [warning.consequence for warning in seen.warnings] == [
        "zeroed_suspended_review",
        "risk_signal",
        "risk_signal",
    ]
    assert [warning.message("zh") for warning in seen.warnings] == [
        "当日提现合计将达 ¥60,000.00,超过额度的 50%:额度将降为零,店铺被暂停并进入审核",
        "大额提现后应间隔 3 天再提现:2026-03-04 之前提现将记为风险信号",
        "开店首月当日提现合计应低于额度的 20%,此笔将使其达到 ¥60,000.00:将记为风险信号",
    ]
    assert [warning.message("en") for warning in seen.warnings] == [
        "Withdrawals of the day would reach ¥60,000.00, more than 50% of the limit: the limit drops to zero, the "
        "store is suspended and a review opens",
        "After a large withdrawal the next should wait 3 days: one before 2026-03-04 counts as a risk signal",
        "In its first month a store should keep the day's withdrawals under 20% of the limit, and they would reach "
        "¥60,000.00: it counts as a risk signal",
    ]


SAFE: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], int]] = [
    ("the whole balance", {}, {}, {}, 1_000_000),
    ("up to half the limit", {"withdrawable": 9_000_000}, {}, {}, 5_000_000),
    ("less what the day took", {"withdrawable": 9_000_000}, {"day_amount": 4_000_000}, {}, 1_000_000),
    ("nothing is left of the day", {"withdrawable": 9_000_000}, {"day_amount": 5_000_000}, {}, 0),
    (
        "just under a fifth in the first month",
        {"withdrawable": 9_000_000, "months_open": 0},
        {},
        {},
        1_999_999,
    ),
    ("none after five", {}, {"day_count": 5}, {}, 0),
    ("none so soon after a large one", {}, {"last_large_on": date(2026, 3, 2)}, {}, 0),
    ("none while closed", {}, {}, {"asked_at": NIGHT}, 0),
    ("none from a frozen account", {"frozen": True}, {}, {}, 0),
    ("none under review", {"abnormal": True}, {}, {}, 0),
    ("none to an unknown account", {}, {}, {"destination": Destination(known=False)}, 0),
    (
        "up to the day's sum",
        {},
        {"day_amount": 300_000},
        {"terms": terms_with(day_amount_max=500_000)},
        200_000,
    ),
    (
        "up to the sum of any 24 hours",
        {},
        {"hours_24": (Earlier(MONDAY - timedelta(hours=23), 300_000),)},
        {"terms": terms_with(hours_24=Hours24(amount_max=400_000))},
        100_000,
    ),
    (
        "up to a share of the limit in any 24 hours",
        {},
        {"hours_24": (Earlier(MONDAY - timedelta(hours=23), 300_000),)},
        {"terms": terms_with(hours_24=Hours24(share_max_bp=500, amount_max=1_000_000))},
        200_000,
    ),
    (
        "no share where there is no limit",
        {"limit_total": 0},
        {},
        {"terms": terms_with(hours_24=Hours24(share_max_bp=0))},
        1_000_000,
    ),
    ("none when the liability takes it all", {"liability": 994_000}, {}, {}, 0),
    ("all when one fen remains", {"liability": 993_999}, {}, {}, 1_000_000),
    ("none without a balance", {"withdrawable": 0}, {}, {}, 0),
]


@pytest.mark.parametrize(("name", "of_account", "of_history", "call", "expected"), SAFE)
def test_the_largest_safe_amount_is_told(
    name: str, of_account: dict[str, Any], of_history: dict[str, Any], call: dict[str, Any], expected: int
) -> None:
    seen = see(replace(STORE, **of_account), replace(USUAL, **of_history), **call)
    assert seen.largest_safe_amount == expected


def test_a_refusal_still_tells_the_largest_safe_amount() -> None:
    seen = see(amount=1_000_001)
    assert (seen.reason, seen.largest_safe_amount) == (Reason.BALANCE_INSUFFICIENT, 1_000_000)


def test_one_too_many_of_the_day_is_refused_and_told_what_asking_anyway_sets_off() -> None:
    """D6 and D9: the sixth of a local day."""
    assert see(history=replace(USUAL, day_count=4)).accepted
    seen = see(history=replace(USUAL, day_count=5), amount=9_000_000)
    assert (seen.reason, seen.largest_safe_amount) == (Reason.DAILY_COUNT_EXCEEDED, 0)
    (warning,) = seen.warnings
    assert (warning.rule, warning.consequence) == ("D6", "suspended_review")
    assert warning.message("zh") == (
        "这将是当日第 6 笔提现,超过每日 5 笔,不予受理:若仍提交申请,店铺将被暂停并进入审核"
    )
    assert warning.message("en") == (
        "This would be withdrawal number 6 of the day, more than 5, and is refused: asking for it anyway suspends the "
        "store and opens a review"
    )
    # The day is over at midnight, and withdrawals open at 03:00.
    assert seen.facts == {"frees_up_at": "2026-03-03 03:00"}


def test_ten_in_24_hours_are_the_most_whatever_the_days() -> None:
    """Nobody asks five times before midnight, five times after it, and goes on."""
    evening = datetime(2026, 3, 1, 22, 50, 30, tzinfo=TERMS.zone)
    ten = tuple(Earlier(evening + timedelta(minutes=minute), 1_000) for minute in range(10))
    assert see(history=replace(USUAL, hours_24=ten[1:])).accepted
    seen = see(history=replace(USUAL, hours_24=ten))
    assert (seen.reason, seen.warnings) == (Reason.DAILY_COUNT_EXCEEDED, ())
    # The first leaves at 22:50:30, and nobody shall come back too early.
    assert seen.facts == {"frees_up_at": "2026-03-02 22:51"}
    seen = see(history=replace(USUAL, hours_24=(*ten, Earlier(MONDAY - timedelta(hours=10), 1_000))))
    assert seen.facts == {"frees_up_at": "2026-03-02 22:52"}


FROM_14 = MONDAY - timedelta(hours=20)
SUMS: list[tuple[str, dict[str, Any], dict[str, Any], int, dict[str, str] | None]] = [
    ("just the most", {"day_amount_max": 100}, {"day_amount": 40}, 60, None),
    (
        "one fen more than the day's most",
        {"day_amount_max": 100_000},
        {"day_amount": 40_000},
        60_001,
        {"still_possible": "¥600.00", "frees_up_at": "2026-03-03 03:00"},
    ),
    (
        "just the most of 24 hours",
        {"hours_24": Hours24(amount_max=1_000)},
        {"hours_24": (Earlier(FROM_14, 400),)},
        600,
        None,
    ),
    (
        "room once the first has left",
        {"hours_24": Hours24(amount_max=1_000)},
        {"hours_24": (Earlier(FROM_14, 400), Earlier(FROM_14 + timedelta(hours=1), 600))},
        400,
        {"still_possible": "¥0.00", "frees_up_at": "2026-03-02 14:00"},
    ),
    (
        "room once both have left",
        {"hours_24": Hours24(amount_max=1_000)},
        {"hours_24": (Earlier(FROM_14, 400), Earlier(FROM_14 + timedelta(hours=1), 500))},
        501,
        {"still_possible": "¥1.00", "frees_up_at": "2026-03-02 15:00"},
    ),
    (
        "never in one day",
        {"hours_24": Hours24(amount_max=1_000)},
        {},
        1_001,
        {"still_possible": "¥10.00", "frees_up_at": "2026-03-03 10:00"},
    ),
    (
        "a share of the limit",
        {"hours_24": Hours24(share_max_bp=1)},
        {},
        1_001,
        {"still_possible": "¥10.00", "frees_up_at": "2026-03-03 10:00"},
    ),
    (
        "the day and the 24 hours",
        {"hours_24": Hours24(amount_max=1_000), "day_amount_max": 300},
        {},
        2_000,
        {"still_possible": "¥3.00", "frees_up_at": "2026-03-03 10:00"},
    ),
]


@pytest.mark.parametrize(("name", "changed", "of_history", "amount", "facts"), SUMS)
def test_a_sum_too_high_is_refused_with_what_is_possible_and_from_when(
    name: str, changed: dict[str, Any], of_history: dict[str, Any], amount: int, facts: dict[str, str] | None
) -> None:
    seen = see(history=replace(USUAL, **of_history), amount=amount, terms=terms_with(FREE, **changed))
    assert seen.reason is (None if facts is None else Reason.DAILY_AMOUNT_EXCEEDED)
    assert seen.facts == (facts or {})


@pytest.mark.parametrize(
    ("hours", "reason"), [(0, Reason.BANK_ACCOUNT_COOLING), (23, Reason.BANK_ACCOUNT_COOLING), (24, None)]
)
def test_a_changed_bank_account_rests_for_a_day_and_says_until_when(
    hours: int, reason: Reason | None
) -> None:
    seen = see(destination=Destination(changed_at=MONDAY - timedelta(hours=hours)))
    assert seen.reason is reason
    until = MONDAY + timedelta(hours=24 - hours)
    assert seen.facts == ({} if reason is None else {"usable_from": f"{until:%Y-%m-%d %H:%M}"})


def test_older_terms_ask_nothing_of_a_bank_account() -> None:
    terms = terms_with(bank_account=AccountTerms())
    assert see(destination=Destination(verified=False, changed_at=MONDAY), terms=terms).accepted


ACCOUNTS = st.builds(
    Account,
    withdrawable=st.integers(0, 30_000),
    liability=st.one_of(st.just(0), st.integers(0, 20_000)),
    frozen=st.sampled_from([False] * 9 + [True]),
    abnormal=st.sampled_from([False] * 9 + [True]),
    limit_total=st.one_of(st.just(0), st.integers(0, 60_000)),
    limit_available=st.integers(0, 40_000),
    months_open=st.integers(0, 2),
)
HISTORIES = st.builds(
    History,
    prior_count=st.integers(0, 3),
    prior_year_total=st.sampled_from([0, 50_000_000, 50_000_001]),
    day_count=st.integers(0, 5),
    day_amount=st.one_of(st.just(0), st.integers(0, 20_000)),
    last_large_on=st.one_of(
        st.none(), st.integers(0, 6).map(lambda days: MONDAY.date() - timedelta(days=days))
    ),
    hours_24=st.lists(
        st.builds(
            Earlier,
            st.integers(0, 1_439).map(lambda ago: MONDAY - timedelta(minutes=ago)),
            st.integers(1, 9_000),
        ),
        max_size=4,
    ).map(lambda found: tuple(sorted(found))),
)
MOSTS = st.one_of(st.none(), st.just(0), st.integers(0, 40_000))
CLAUSES = st.builds(
    terms_with,
    fee=st.fixed_dictionaries(
        {
            "rate_ppm": st.sampled_from([0, 6_000, 500_000, 1_000_000]),
            "minimum": st.sampled_from([0, 200, 5_000]),
        }
    ),
    day_amount_max=MOSTS,
    hours_24=st.builds(
        Hours24,
        count_max=st.one_of(st.none(), st.integers(1, 5)),
        amount_max=MOSTS,
        share_max_bp=st.one_of(st.none(), st.integers(0, 20_000)),
    ),
    day_share_zero_bp=st.sampled_from([0, 5_000, 10_000]),
    first_month_day_share_bp=st.sampled_from([0, 2_000, 10_000]),
)


@settings(max_examples=600)
@given(ACCOUNTS, HISTORIES, CLAUSES, st.data())
def test_the_largest_safe_amount_breaks_nothing_and_one_fen_more_does(
    account: Account, history: History, terms: WithdrawalTerms, data: st.DataObject
) -> None:
    safe = see(account, history, amount=1, terms=terms).largest_safe_amount
    assert 0 <= safe <= account.withdrawable
    if safe > 0:
        seen = see(account, history, amount=safe, terms=terms)
        assert (seen.accepted, seen.warnings) == (True, ())
        more = see(account, history, amount=safe + 1, terms=terms)
        assert safe == account.withdrawable or not more.accepted or more.warnings
    above = data.draw(st.integers(safe + 1, account.withdrawable + 2))
    seen = see(account, history, amount=above, terms=terms)
    assert not seen.accepted or seen.warnings
    assert seen.largest_safe_amount == safe


@settings(max_examples=300, deadline=None)
@given(ACCOUNTS, HISTORIES, CLAUSES, st.integers(0, 120))
def test_no_amount_at_all_is_safe_beyond_the_largest(
    account: Account, history: History, terms: WithdrawalTerms, withdrawable: int
) -> None:
    """Every amount of a small balance is tried."""
    account = replace(account, withdrawable=withdrawable, liability=account.liability % 50)
    fee = msgspec.structs.replace(terms.clause.fee, minimum=terms.clause.fee.minimum % 77)
    terms = replace(terms, clause=msgspec.structs.replace(terms.clause, fee=fee))
    safe = [
        amount
        for amount in range(1, withdrawable + 1)
        if (seen := see(account, history, amount=amount, terms=terms)).accepted and not seen.warnings
    ]
    assert see(account, history, amount=1, terms=terms).largest_safe_amount == max(safe, default=0)


@settings(max_examples=200)
@given(ACCOUNTS, HISTORIES, st.integers(1, 40_000))
def test_an_accepted_withdrawal_is_split_without_loss(
    account: Account, history: History, amount: int
) -> None:
    seen = see(account, history, amount=amount)
    if not seen.accepted:
        return
    assert seen.fee is not None
    assert seen.net is not None
    assert seen.net > 0
    assert seen.liability_collected == account.liability
    assert amount == seen.net + seen.fee + account.liability
    assert amount <= account.withdrawable


@pytest.mark.parametrize(
    ("amount", "limit_total", "large"),
    [
        (3_000_000, 10_000_000, False),
        (3_000_001, 10_000_000, True),
        (1, 3, True),
        (1, 4, False),
        (5, 0, False),
    ],
)
def test_large_is_strictly_over_its_share_of_a_limit(amount: int, limit_total: int, large: bool) -> None:
    assert is_large(TERMS.clause, amount, limit_total=limit_total) is large


def test_dates_past_the_calendar_are_provisional() -> None:
    last_day = datetime(2026, 12, 31, 10, tzinfo=TERMS.zone)
    assert arrival_of(TERMS, CALENDAR, asked_at=last_day, promotion=False).provisional
    assert not arrival_of(TERMS, CALENDAR, asked_at=MONDAY, promotion=True).provisional
    assert see(asked_at=last_day).provisional
    assert not see(asked_at=last_day, amount=9_000_000).provisional
    assert set(ARRIVAL_NOTE) == {"zh", "en"}


@pytest.mark.parametrize(
    ("bp", "text"), [(5000, "50%"), (1250, "12.5%"), (333, "3.33%"), (0, "0%"), (10000, "100%")]
)
def test_basis_points_are_read_as_percent(bp: int, text: str) -> None:
    assert percent(bp) == text
