"""Why a break is closed: the closed list of reasons, each with wording in Chinese and English.

A reason is part of the public interface: never renamed, never reused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from houfu.reconciliation.breaks import BreakKind


class Closing(StrEnum):
    """Every reason a break is closed for."""

    BANK_FEE = "bank_fee"
    INTEREST = "interest"
    TOP_UP = "top_up"
    OTHER_BUSINESS = "other_business"
    BANK_ERROR_CORRECTED = "bank_error_corrected"
    MATCHED_BY_HAND = "matched_by_hand"
    WRITTEN_OFF = "written_off"
    CONFIRMED_BY_BANK = "confirmed_by_bank"
    LINE_CAME = "line_came"
    STATEMENT_CAME = "statement_came"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a reason is called, and the kinds of breaks it can close."""

    zh: str
    en: str
    kinds: frozenset[BreakKind]


_LINES: Final[frozenset[BreakKind]] = frozenset({"line_without_payout", "amount_differs", "line_twice"})
_MONEY: Final[frozenset[BreakKind]] = frozenset({*_LINES, "payout_without_line"})
_STATEMENTS: Final[frozenset[BreakKind]] = frozenset({"day_missing", "opening_differs"})
_UNKNOWN: Final[frozenset[BreakKind]] = frozenset({"line_without_payout"})

WORDING: Final[Mapping[Closing, Wording]] = MappingProxyType(
    {
        Closing.BANK_FEE: Wording("银行手续费", "a fee of the bank", _UNKNOWN),
        Closing.INTEREST: Wording("利息", "interest", _UNKNOWN),
        Closing.TOP_UP: Wording("账户资金调拨", "the account was topped up or emptied", _UNKNOWN),
        Closing.OTHER_BUSINESS: Wording("其他业务,与提现无关", "other business, no payout of ours", _UNKNOWN),
        Closing.BANK_ERROR_CORRECTED: Wording(
            "银行差错,银行已更正或承诺更正", "an error of the bank that it corrects", _MONEY | _STATEMENTS
        ),
        Closing.MATCHED_BY_HAND: Wording("人工匹配到提现", "a person knew which payout the line is", _LINES),
        Closing.WRITTEN_OFF: Wording("核销", "written off", _MONEY),
        Closing.CONFIRMED_BY_BANK: Wording(
            "银行书面确认", "the bank confirmed in writing that it is so", _STATEMENTS
        ),
        Closing.LINE_CAME: Wording("后续对账单已列示", "a statement brought the line", frozenset()),
        Closing.STATEMENT_CAME: Wording("对账单已补到", "the statement came", frozenset()),
    }
)
"""The last two are given by reconciliation itself alone."""

BY_ITSELF: Final = "reconciliation"
"""The author of what closes itself."""
