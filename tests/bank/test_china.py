from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from houfu.bank.china import (
    BANKS,
    PLACES,
    bank_of,
    card_number,
    cnaps_code,
    is_card_number,
    is_cnaps_code,
    luhn_digit,
)

PUBLISHED = [
    ("102100099996", "中国工商银行"),
    ("103100000026", "中国农业银行"),
    ("104100000004", "中国银行"),
    ("105100000017", "中国建设银行"),
    ("301290000007", "交通银行"),
    ("302100011000", "中信银行"),
    ("303100000006", "中国光大银行"),
    ("304100040000", "华夏银行"),
    ("305100000013", "中国民生银行"),
    ("306581000003", "广发银行"),
    ("307584007998", "平安银行"),
    ("308584000013", "招商银行"),
    ("309391000011", "兴业银行"),
    ("310290000013", "上海浦东发展银行"),
]
"""Codes of head offices as the banks publish them."""


@pytest.mark.parametrize(("code", "name"), PUBLISHED)
def test_published_codes_have_our_check_digit_and_name_their_bank(code: str, name: str) -> None:
    assert is_cnaps_code(code)
    bank = bank_of(code)
    assert bank is not None
    assert bank.name == name
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    assert not is_cnaps_code(wrong)
    assert bank_of(wrong) is None


def test_a_code_is_made_for_every_bank_and_place() -> None:
    codes = {
        cnaps_code(bank, place, branch) for bank in BANKS for place in PLACES for branch in (0, 1, 9_999)
    }
    assert len(codes) == len(BANKS) * len(PLACES) * 3
    assert all(is_cnaps_code(code) for code in codes)
    assert cnaps_code("ICBC", "北京", 9_999) == "102100099996"
    with pytest.raises(ValueError, match="branch"):
        cnaps_code("ICBC", "北京", 10_000)


@given(st.integers(0, 10**14 - 1))
def test_card_numbers_have_19_digits_and_the_right_last_one(seed_number: int) -> None:
    number = card_number(seed_number)
    assert is_card_number(number)
    assert number.startswith("6222")
    assert number == card_number(seed_number)
    assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_card_numbers_differ() -> None:
    assert len({card_number(seed_number) for seed_number in range(10_000)}) == 10_000
    with pytest.raises(ValueError, match="seed_number"):
        card_number(10**14)


def test_the_luhn_digit_is_that_of_the_known_example() -> None:
    assert luhn_digit("7992739871") == "3"
