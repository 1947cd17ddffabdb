"""A message to a store: what happened to it, in words (B14, C4, E1, E2, E4).

The kinds are a closed list and part of the public interface: documented, never renamed, never reused. A message
says in both languages what a person needs to know, and in `data` the same for a program; both are kept as they
were said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from houfu.core.ids import public_id
from houfu.core.reason import Language

PREFIX: Final = "msg"
"""The prefix of a message's public id."""

Value: TypeAlias = str | int | bool | list[str] | None
"""A value of a message's data. Amounts are minor units, moments RFC 3339 in UTC, days local."""


class Kind(StrEnum):
    """Every kind of message there is."""

    LINE_OPENED = "line_opened"
    LIMIT_RAISED = "limit_raised"
    LIMIT_LOWERED = "limit_lowered"
    LIMIT_ZEROED = "limit_zeroed"
    LINE_SUSPENDED = "line_suspended"
    LINE_RESUMED = "line_resumed"
    LINE_CLOSED = "line_closed"
    LIMIT_REFERRED = "limit_referred"
    POLICY_ANNOUNCED = "policy_announced"
    USAGE_REMINDER = "usage_reminder"
    REVIEW_OPENED = "review_opened"
    REVIEW_DECIDED = "review_decided"
    WITHDRAWAL_PAID = "withdrawal_paid"
    WITHDRAWAL_FAILED = "withdrawal_failed"
    ARRIVAL_CHANGED = "arrival_changed"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a kind tells, and the fields of its `data`."""

    zh: str
    en: str
    fields: tuple[str, ...]


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message. `id` is 32 hex digits made in the client; a message of a change has the id of that change."""

    store_id: str
    id: str
    kind: Kind
    message_zh: str
    message_en: str
    data: dict[str, Value]
    occurred_at: datetime


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A message in a store's box. `seq` counts the store's messages from 1, without gaps, in the order in which
    they became visible: who has read up to one misses nothing by asking for what comes after it."""

    seq: int
    message: Message
    recorded_at: datetime

    @property
    def public_id(self) -> str:
        return public_id(PREFIX, self.message.id, self.message.store_id)

    def words(self, language: Language) -> str:
        """What it says."""
        return self.message.message_en if language == "en" else self.message.message_zh


_OF_A_LINE: Final = (
    "from_total",
    "to_total",
    "from_status",
    "to_status",
    "used",
    "available",
    "over_used",
    "currency",
    "cause",
    "author",
)

MEANING: Final[Mapping[Kind, Meaning]] = MappingProxyType(
    {
        Kind.LINE_OPENED: Meaning(
            "额度已开通,或关闭后重新开通",
            "The line is open: for the first time, or again after it was closed",
            _OF_A_LINE,
        ),
        Kind.LIMIT_RAISED: Meaning("总额度上调", "The limit rose", _OF_A_LINE),
        Kind.LIMIT_LOWERED: Meaning(
            "总额度下调;已垫付的款项不追回",
            "The limit fell, and not to zero; nothing is clawed back",
            _OF_A_LINE,
        ),
        Kind.LIMIT_ZEROED: Meaning(
            "总额度降为零;已垫付的款项不追回", "The limit fell to zero; nothing is clawed back", _OF_A_LINE
        ),
        Kind.LINE_SUSPENDED: Meaning(
            "额度暂停,不接新订单", "The line takes no new orders for now", _OF_A_LINE
        ),
        Kind.LINE_RESUMED: Meaning("额度恢复,可接新订单", "The line takes new orders again", _OF_A_LINE),
        Kind.LINE_CLOSED: Meaning("额度关闭", "The line has ended", _OF_A_LINE),
        Kind.LIMIT_REFERRED: Meaning(
            "评估结果需人工复核,复核前额度不变",
            "A person must look at a decision; until then the limit stays",
            ("total", "currency", "referred_by"),
        ),
        Kind.POLICY_ANNOUNCED: Meaning(
            "新政策的生效日期,以及对本店额度的影响",
            "A policy is to come into force: when, and what it does to this store's limit",
            ("policy_version", "effective_on", "total_now", "total_then", "currency"),
        ),
        Kind.USAGE_REMINDER: Meaning(
            "检查日用额提醒:使用率超过提醒线",
            "On the policy's check day more of the limit was used than its warning",
            ("total", "used", "available", "utilisation_bp", "warning_bp", "currency"),
        ),
        Kind.REVIEW_OPENED: Meaning(
            "风险审核开始:违反了哪条规则,需提交什么材料,何时完成",
            "A risk review opened: which rule was broken, what to file, and by when it is decided",
            ("review_id", "rule", "withdrawal_id", "documents", "due_on"),
        ),
        Kind.REVIEW_DECIDED: Meaning(
            "风险审核结束:通过或未通过",
            "A risk review was decided: the store is cleared, or its suspension is upheld",
            ("review_id", "rule", "outcome"),
        ),
        Kind.WITHDRAWAL_PAID: Meaning(
            "提现已到账",
            "A withdrawal was paid",
            ("withdrawal_id", "amount", "net", "currency", "bank_reference"),
        ),
        Kind.WITHDRAWAL_FAILED: Meaning(
            "提现未成功,或到账后被银行退回:原因与退回金额",
            "A withdrawal failed, or came back after it was paid: why, and what went back to the balance",
            (
                "withdrawal_id",
                "amount",
                "net",
                "currency",
                "bank_reference",
                "bank_reason",
                "returned",
                "came_back",
            ),
        ),
        Kind.ARRIVAL_CHANGED: Meaning(
            "节假日安排更新后,提现的到账日期改变",
            "A new holiday notice moved the days on which a withdrawal arrives",
            (
                "withdrawal_id",
                "from_arrives_on",
                "to_arrives_on",
                "from_latest_on",
                "to_latest_on",
                "calendar",
                "calendar_number",
            ),
        ),
    }
)
"""What each kind means. A test holds that each message carries the fields named here, and no other."""

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "from_total": "the limit before",
        "to_total": "the limit after",
        "from_status": "the line's status before: `open`, `suspended` or `closed`",
        "to_status": "the line's status after",
        "total": "the limit",
        "used": "how much of the limit is used",
        "available": "how much of it is left, never below zero",
        "over_used": "by how much more is used than the limit gives",
        "cause": "a cause of the list below, or what an operator wrote",
        "author": "who changed it",
        "referred_by": "the codes of the refer rules that hold",
        "policy_version": "the version that is to come into force",
        "effective_on": "the local day on which it does",
        "total_now": "the limit as it is",
        "total_then": "the limit that the policy gives the store as it stands; null where that cannot be told yet",
        "utilisation_bp": "the part of the limit that is used, basis points, rounded down",
        "warning_bp": "the policy's warning, basis points",
        "withdrawal_id": "the withdrawal's id",
        "review_id": "the review's id",
        "rule": "the rule that was broken: `B11` or `D6`",
        "documents": "what the store is asked for: `bank_statements_3_months`",
        "due_on": "the last local day on which it is decided in time",
        "outcome": "`cleared` or `upheld`",
        "amount": "what was asked for",
        "net": "what is paid out of it",
        "bank_reference": "the bank's reference of the payment; null where it gave none",
        "bank_reason": "the bank's code for not paying, ISO 20022; null where it gave none",
        "returned": "what went back to the store's balance",
        "came_back": "whether the bank had paid it before",
        "from_arrives_on": "the local day on which the money was expected",
        "to_arrives_on": "the local day on which it is expected now",
        "from_latest_on": "the latest such day before",
        "to_latest_on": "the latest such day now",
        "calendar": "the calendar whose notice came",
        "calendar_number": "the number of its version",
        "currency": "of the amounts",
    }
)
"""What each field of `data` says. Amounts are minor units."""
