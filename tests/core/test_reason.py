"""Every reason can be read, acted on and placed."""

import re

import pytest

from houfu.core.reason import SHIPPED_FACTS, WORDING, Reason, Request, message, reasons_of, remedy

CHINESE = re.compile(r"[\u4e00-\u9fff]")

PUBLISHED = {
    Request.AUTHORIZATION: {
        "limit_exceeded",
        "line_not_open",
        "line_suspended",
        "store_unknown",
        "order_already_authorized",
        "amount_not_positive",
        "currency_differs",
    },
    Request.ORDER_COMMAND: {
        "amount_not_positive",
        "currency_differs",
        "authorization_refused",
        "order_closed",
        "capture_exceeds_hold",
        "nothing_to_void",
        "repayment_exceeds_outstanding",
        "return_exceeds_order",
    },
    Request.WITHDRAWAL: {
        "balance_insufficient",
        "limit_not_withdrawable",
        "account_abnormal",
        "account_frozen",
        "maintenance",
        "amount_too_small",
        "daily_count_exceeded",
        "bank_rejected",
        "bank_account_unknown",
        "bank_account_unverified",
        "bank_account_cooling",
        "daily_amount_exceeded",
    },
    Request.WITHDRAWAL_COMMAND: {"withdrawal_not_sent", "withdrawal_in_transit", "withdrawal_closed"},
    Request.FEE_DISPUTE: {"fee_disputed"},
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_wording_and_remedy_in_both_languages(reason: Reason) -> None:
    assert CHINESE.search(message(reason, "zh"))
    assert CHINESE.search(remedy(reason, "zh"))
    assert not CHINESE.search(message(reason, "en"))
    assert not CHINESE.search(remedy(reason, "en"))
    assert len(message(reason, "en")) > 10
    assert len(remedy(reason, "en")) > 10


@pytest.mark.parametrize("reason", Reason)
def test_no_fact_is_left_open_in_a_text(reason: Reason) -> None:
    for language in ("zh", "en"):
        assert not {"{", "}"} & set(message(reason, language) + remedy(reason, language))


@pytest.mark.parametrize("request_kind", Request)
def test_the_list_of_each_request_is_closed(request_kind: Request) -> None:
    assert set(reasons_of(request_kind)) == PUBLISHED[request_kind]


def test_every_reason_answers_some_request_and_no_two_read_alike() -> None:
    assert set(WORDING) == set(Reason)
    assert all(wording.requests for wording in WORDING.values())
    for language in ("zh", "en"):
        assert len({message(reason, language) for reason in Reason}) == len(Reason)


def test_the_programmes_own_sentence_is_kept_to_the_letter() -> None:
    assert message(Reason.LIMIT_EXCEEDED) == "额度不足,请提升信用"
    assert message(Reason.ACCOUNT_ABNORMAL) == "账户存在风险"


def test_a_policys_figures_replace_the_shipped_ones() -> None:
    assert remedy(Reason.MAINTENANCE, "en") == f"Come back at {SHIPPED_FACTS['reopens_at']}"
    assert remedy(Reason.MAINTENANCE, "en", {"reopens_at": "05:30"}) == "Come back at 05:30"
