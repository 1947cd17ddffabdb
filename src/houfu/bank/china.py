"""How Chinese accounts look: card numbers with the Luhn digit, and the CNAPS codes that name a bank's branch.

A CNAPS code has 12 digits: 3 for the bank, 4 for the place, 4 for the branch, 1 check digit. The check digit is the
hybrid MOD 11,10 of ISO 7064 over the eleven before it; published codes of many banks and places agree with it.
"""

from types import MappingProxyType
from typing import Final

import msgspec


class BankName(msgspec.Struct, frozen=True):
    """A bank: its number within CNAPS codes, and what it is called."""

    number: str
    name: str


BANKS: Final = MappingProxyType(
    {
        "ICBC": BankName("102", "中国工商银行"),
        "ABC": BankName("103", "中国农业银行"),
        "BOC": BankName("104", "中国银行"),
        "CCB": BankName("105", "中国建设银行"),
        "BOCOM": BankName("301", "交通银行"),
        "CITIC": BankName("302", "中信银行"),
        "CEB": BankName("303", "中国光大银行"),
        "HXB": BankName("304", "华夏银行"),
        "CMBC": BankName("305", "中国民生银行"),
        "CGB": BankName("306", "广发银行"),
        "PAB": BankName("307", "平安银行"),
        "CMB": BankName("308", "招商银行"),
        "CIB": BankName("309", "兴业银行"),
        "SPDB": BankName("310", "上海浦东发展银行"),
        "PSBC": BankName("403", "中国邮政储蓄银行"),
    }
)
"""Large banks, by their usual short names."""

PLACES: Final = MappingProxyType(
    {
        "北京": "1000",
        "天津": "1100",
        "上海": "2900",
        "南京": "3010",
        "杭州": "3310",
        "武汉": "5210",
        "广州": "5810",
        "深圳": "5840",
        "成都": "6510",
        "西安": "7910",
    }
)
"""Cities, by the four digits they have in CNAPS codes."""

CARD_DIGITS: Final = 19
_CARD_PREFIX: Final = "6222"
_CNAPS_DIGITS: Final = 12


def card_number(seed_number: int) -> str:
    """A card number of 19 digits with the right Luhn digit, the same for the same number.

    Numbers from 0 up to 10^14 give card numbers that all differ; ValueError for any other. About one in ten thousand
    ends in 0000, as closed accounts of the simulated bank do.
    """
    width = CARD_DIGITS - len(_CARD_PREFIX) - 1
    if not 0 <= seed_number < 10**width:
        raise ValueError(f"seed_number: between 0 and 10^{width}")
    # Spread over the digits, so that neighbours do not look alike: the factor is prime to 10.
    body = f"{_CARD_PREFIX}{seed_number * 61_803_398_875_149 % 10**width:0{width}d}"
    return body + luhn_digit(body)


def luhn_digit(digits: str) -> str:
    """The digit that makes `digits` a Luhn number."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return str(-total % 10)


def is_card_number(number: str) -> bool:
    """Whether it has 19 digits of which the last is the Luhn digit."""
    return _digits(number, CARD_DIGITS) and luhn_digit(number[:-1]) == number[-1]


def cnaps_code(bank: str, place: str, branch: int = 1) -> str:
    """The code of a branch, 0 to 9,999, of a bank of BANKS in a place of PLACES.

    Its form is right; that there is such a branch is not said. KeyError for an unknown bank or place, ValueError for
    a number that is no branch's.
    """
    if not 0 <= branch <= 9_999:
        raise ValueError("branch: between 0 and 9,999")
    body = f"{BANKS[bank].number}{PLACES[place]}{branch:04d}"
    return body + cnaps_digit(body)


def cnaps_digit(digits: str) -> str:
    """The check digit of the eleven digits before it."""
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def is_cnaps_code(code: str) -> bool:
    """Whether it has 12 digits of which the last is the check digit."""
    return _digits(code, _CNAPS_DIGITS) and cnaps_digit(code[:-1]) == code[-1]


def bank_of(code: str) -> BankName | None:
    """The bank whose branch a CNAPS code names, if it is one of BANKS."""
    return next(
        (bank for bank in BANKS.values() if is_cnaps_code(code) and code.startswith(bank.number)), None
    )


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()
