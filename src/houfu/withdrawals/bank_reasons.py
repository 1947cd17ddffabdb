"""What a bank's reason means to the store: its codes in plain words, each with what helps.

The codes are those of ISO 20022, External Code Sets, `ExternalStatusReason1Code` and `ExternalReturnReason1Code`, as far as
banks use them for payments to an account in their own country. A code that is not here is told with the bank's
own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from houfu.core.reason import Language


@dataclass(frozen=True, slots=True)
class BankReason:
    """A code in words, and its remedy."""

    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


_OTHER_ACCOUNT_ZH: Final = "请更换或更正收款账户后重新申请提现"
_OTHER_ACCOUNT_EN: Final = "Correct the bank account or use another one, then ask again"
_ASK_BANK_ZH: Final = "请联系开户银行解除限制,或更换收款账户后重新申请提现"
_ASK_BANK_EN: Final = "Ask the bank to lift the restriction, or use another bank account, then ask again"
_AGAIN_ZH: Final = "款项已退回店铺余额,请稍后重新申请提现"
_AGAIN_EN: Final = "The money is back in the store's balance: ask again later"

BANK_REASONS: Final[Mapping[str, BankReason]] = MappingProxyType(
    {
        "AC01": BankReason(
            "收款账号有误", "The account number is wrong", _OTHER_ACCOUNT_ZH, _OTHER_ACCOUNT_EN
        ),
        "AC03": BankReason(
            "收款账号无效", "The creditor's account number is invalid", _OTHER_ACCOUNT_ZH, _OTHER_ACCOUNT_EN
        ),
        "AC04": BankReason("收款账户已销户", "The account is closed", _OTHER_ACCOUNT_ZH, _OTHER_ACCOUNT_EN),
        "AC06": BankReason("收款账户被冻结或止付", "The account is blocked", _ASK_BANK_ZH, _ASK_BANK_EN),
        "AC14": BankReason(
            "收款账户类型不支持入账",
            "The account is of a kind that takes no such payment",
            _OTHER_ACCOUNT_ZH,
            _OTHER_ACCOUNT_EN,
        ),
        "AG01": BankReason(
            "该账户不允许此类交易",
            "The account may not receive this kind of payment",
            _ASK_BANK_ZH,
            _ASK_BANK_EN,
        ),
        "AM02": BankReason(
            "金额超过收款账户的限额",
            "The amount is more than the account may receive",
            "请分多笔申请提现,或更换收款账户",
            "Withdraw in smaller parts, or use another bank account",
        ),
        "AM04": BankReason(
            "付款账户余额不足", "The payer's account had too little money", _AGAIN_ZH, _AGAIN_EN
        ),
        "AM05": BankReason(
            "银行判定为重复付款", "The bank took it for a payment made before", _AGAIN_ZH, _AGAIN_EN
        ),
        "AM09": BankReason("金额有误", "The amount was not what it should be", _AGAIN_ZH, _AGAIN_EN),
        "BE01": BankReason(
            "收款人户名与账号不符",
            "The holder's name does not fit the account",
            "请核对户名,与银行预留户名保持一致后重新申请提现",
            "Make the holder's name the one the bank knows, then ask again",
        ),
        "BE04": BankReason(
            "收款人地址缺失", "The creditor's address is missing", _OTHER_ACCOUNT_ZH, _OTHER_ACCOUNT_EN
        ),
        "FF01": BankReason("付款文件格式有误", "The payment file was faulty", _AGAIN_ZH, _AGAIN_EN),
        "MD07": BankReason(
            "收款人已身故", "The account's holder has died", _OTHER_ACCOUNT_ZH, _OTHER_ACCOUNT_EN
        ),
        "MS02": BankReason("收款人拒收", "The creditor refused the payment", _ASK_BANK_ZH, _ASK_BANK_EN),
        "MS03": BankReason("银行未说明原因", "The bank gave no reason", _ASK_BANK_ZH, _ASK_BANK_EN),
        "NARR": BankReason(
            "银行以附言说明原因", "The bank gave its reason in words", _ASK_BANK_ZH, _ASK_BANK_EN
        ),
        "RC01": BankReason(
            "收款行行号有误", "The bank's code is wrong", _OTHER_ACCOUNT_ZH, _OTHER_ACCOUNT_EN
        ),
        "RR04": BankReason(
            "因监管要求未能入账", "A regulation forbids the payment", _ASK_BANK_ZH, _ASK_BANK_EN
        ),
        "DUPL": BankReason(
            "银行判定为重复文件", "The bank took the file for one sent before", _AGAIN_ZH, _AGAIN_EN
        ),
    }
)
"""Every code that has words of ours."""


def in_words(code: str | None, words: str | None, language: Language) -> str:
    """Why the bank did not pay, as people read it: ours where we know the code, with the bank's own words otherwise."""
    known = BANK_REASONS.get(code or "")
    if known is None or (code == "NARR" and words):
        return words or (
            code or BANK_REASONS["MS03"].zh if language == "zh" else code or BANK_REASONS["MS03"].en
        )
    return known.en if language == "en" else known.zh


def remedy_of(code: str | None, language: Language) -> str:
    """What helps."""
    known = BANK_REASONS.get(code or "", BANK_REASONS["MS03"])
    return known.remedy_en if language == "en" else known.remedy_zh
