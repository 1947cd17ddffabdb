"""What an export shows: its columns, headings and words, the same in every format.

A statement of `queries.sql` yields each column as text that can be shown as it is; `kind` tells what a format that knows
numbers and dates may make of it.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from houfu.core.reason import Language, Reason, message

ColumnKind = Literal["text", "count", "money", "moment", "day"]
Format = Literal["csv", "xlsx", "pdf"]

MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


class Column(msgspec.Struct, frozen=True):
    """A column: its name in the code, its headings, what it holds, and its share of a page's width.

    `money` is decimal text such as `-12.34`, `moment` local such as `2026-03-02 09:00:00`, `day` such as `2026-03-02`.
    """

    name: str
    zh: str
    en: str
    kind: ColumnKind
    share: int

    def heading(self, language: Language) -> str:
        """What stands above it."""
        return self.en if language == "en" else self.zh


class Table(msgspec.Struct, frozen=True):
    """An export: its name in file names, its title, its columns, and the columns that are added up for each value of another."""

    name: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    summed: tuple[str, ...]
    summed_by: str

    def title(self, language: Language) -> str:
        """What it is called."""
        return self.en if language == "en" else self.zh


class Exported(msgspec.Struct, frozen=True):
    """What an export came to."""

    rows: int
    bytes: int


ENTRIES: Final = Table(
    name="entries",
    zh="账单明细",
    en="Entries",
    columns=(
        Column("journal", "记账序号", "Journal", "count", 7),
        Column("line", "行", "Line", "count", 3),
        Column("occurred", "发生时间", "Occurred", "moment", 12),
        Column("recorded", "记账时间", "Recorded", "moment", 12),
        Column("kind", "事项", "What happened", "text", 11),
        Column("account", "账户", "Account", "text", 14),
        Column("amount", "金额", "Amount", "money", 12),
        Column("currency", "币种", "Currency", "text", 6),
        Column("order_id", "订单号", "Order", "text", 15),
        Column("subject", "业务编号", "Authorization or withdrawal", "text", 24),
        Column("reverses", "冲销序号", "Reverses", "count", 7),
    ),
    summed=("amount",),
    summed_by="account",
)

WITHDRAWALS: Final = Table(
    name="withdrawals",
    zh="提现记录",
    en="Withdrawals",
    columns=(
        Column("store_id", "店铺", "Store", "text", 8),
        Column("id", "提现编号", "Withdrawal", "text", 20),
        Column("asked", "申请时间", "Asked", "moment", 12),
        Column("status", "状态", "Status", "text", 8),
        Column("amount", "提现金额", "Amount", "money", 11),
        Column("fee", "手续费", "Fee", "money", 8),
        Column("fee_rule", "手续费规则", "Fee rule", "text", 9),
        Column("liability_collected", "抵扣负债", "Liability collected", "money", 9),
        Column("net", "到账金额", "Paid out", "money", 11),
        Column("returned", "退回余额", "Returned", "money", 9),
        Column("currency", "币种", "Currency", "text", 6),
        Column("holder", "收款户名", "Account holder", "text", 11),
        Column("number", "收款账号", "Account number", "text", 9),
        Column("arrives_on", "预计到账", "Expected", "day", 9),
        Column("latest_on", "最晚到账", "Latest", "day", 9),
        Column("ended", "完结时间", "Ended", "moment", 12),
        Column("reason", "原因", "Reason", "text", 15),
    ),
    summed=("amount", "fee", "liability_collected", "net", "returned"),
    summed_by="status",
)

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "capture": ("发货垫付", "Advance on shipment"),
    "repay": ("买家还款", "Buyer's repayment"),
    "return": ("退货扣回", "Return of goods"),
    "default": ("买家违约", "Buyer's default"),
    "withdrawal": ("申请提现", "Withdrawal"),
    "withdrawal_canceled": ("撤销提现", "Withdrawal canceled"),
    "payout_paid": ("提现到账", "Withdrawal paid"),
    "payout_failed": ("提现失败退回", "Withdrawal failed"),
    "payout_returned": ("到账后退汇", "Payment came back"),
    "failed_payout_fee": ("失败提现手续费", "Fee of a failed withdrawal"),
}
"""What a journal is about, in words."""

STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "scheduled": ("待处理", "Scheduled"),
    "in_transit": ("处理中", "In transit"),
    "paid": ("已到账", "Paid"),
    "failed": ("失败", "Failed"),
    "refused": ("已拒绝", "Refused"),
    "canceled": ("已撤销", "Canceled"),
}

FEE_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "first_free": ("首笔免费", "First one free"),
    "rate": ("按费率", "By rate"),
    "minimum": ("最低收费", "Minimum"),
    "year_threshold": ("年度免费额", "Free for the year"),
}


def in_language(words: Mapping[str, tuple[str, str]], language: Language) -> dict[str, str]:
    """The words of one language."""
    return {code: en if language == "en" else zh for code, (zh, en) in words.items()}


def reasons(language: Language) -> dict[str, str]:
    """Every reason for a "no", in words."""
    return {reason.value: message(reason, language) for reason in Reason}
