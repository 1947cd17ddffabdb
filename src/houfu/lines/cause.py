"""Why a line changes: the closed list of causes, each with wording in Chinese and English (B14).

A cause is part of the public interface: never renamed, never reused. Where an operator suspends, resumes, closes
or reopens a line, the cause is what that person wrote; it is shown as given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from houfu.core.reason import Language


class Cause(StrEnum):
    """Every cause that Houfu itself gives for a change of a line."""

    STORE_ENROLLED = "store_enrolled"
    IMPORTED = "imported"
    ASSESSMENT_REQUESTED = "assessment_requested"
    QUARTER = "quarter"
    MONTH_CHECK = "month_check"
    RETRY = "retry"
    POLICY_EFFECTIVE = "policy_effective"
    LAYER_STARTED_OR_ENDED = "layer_started_or_ended"
    PROMOTION = "promotion"
    REFERRAL_ACCEPTED = "referral_accepted"
    COURSE_COMPLETED = "course_completed"
    VIOLATION = "violation"
    SERIOUS_VIOLATION = "serious_violation"
    FUNDS_FROZEN = "funds_frozen"
    FUNDS_RELEASED = "funds_released"
    HIGH_RISK_MARKED = "high_risk_marked"
    HIGH_RISK_CLEARED = "high_risk_cleared"
    WITHDRAWAL_SHARE_EXCEEDED = "withdrawal_share_exceeded"
    WITHDRAWAL_COUNT_EXCEEDED = "withdrawal_count_exceeded"
    REVIEW_CLEARED = "review_cleared"
    REVIEW_UPHELD = "review_upheld"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a cause is called."""

    zh: str
    en: str


WORDING: Final[Mapping[Cause, Wording]] = MappingProxyType(
    {
        Cause.STORE_ENROLLED: Wording("店铺加入", "the store joined"),
        Cause.IMPORTED: Wording("店铺资料导入", "the store's records were brought in"),
        Cause.ASSESSMENT_REQUESTED: Wording("按要求重新评估", "an assessment was asked for"),
        Cause.QUARTER: Wording("季度评估", "quarterly assessment"),
        Cause.MONTH_CHECK: Wording("月度检查", "monthly check"),
        Cause.RETRY: Wording("补做到期未能完成的评估", "an assessment that was due could be made only now"),
        Cause.POLICY_EFFECTIVE: Wording("新政策生效", "a new policy took effect"),
        Cause.LAYER_STARTED_OR_ENDED: Wording(
            "有期限的额度生效或到期", "a dated part of the limit started or ended"
        ),
        Cause.PROMOTION: Wording("大促临时额度", "a promotion opened or ended"),
        Cause.REFERRAL_ACCEPTED: Wording("人工复核通过", "a person looked and accepted the assessment"),
        Cause.COURSE_COMPLETED: Wording("完成课程", "the course was completed"),
        Cause.VIOLATION: Wording("违规", "a violation"),
        Cause.SERIOUS_VIOLATION: Wording("严重违规", "a serious violation"),
        Cause.FUNDS_FROZEN: Wording("资金被冻结", "funds were frozen"),
        Cause.FUNDS_RELEASED: Wording("资金解冻", "funds were released"),
        Cause.HIGH_RISK_MARKED: Wording("被标记为高风险", "the store was marked high-risk"),
        Cause.HIGH_RISK_CLEARED: Wording("高风险标记解除", "the high-risk mark was cleared"),
        Cause.WITHDRAWAL_SHARE_EXCEEDED: Wording(
            "当日提现合计超过额度的规定比例",
            "the withdrawals of one day came to more than their share of the limit",
        ),
        Cause.WITHDRAWAL_COUNT_EXCEEDED: Wording(
            "当日提现次数超过上限", "more withdrawals were asked for in one day than it may have"
        ),
        Cause.REVIEW_CLEARED: Wording("风险审核通过", "a risk review cleared the store"),
        Cause.REVIEW_UPHELD: Wording("风险审核未通过", "a risk review did not clear the store"),
    }
)


def in_words(cause: str, language: Language) -> str:
    """The cause as people read it; what is not in the list a person wrote, and it is given as it is."""
    wording = _BY_CODE.get(cause)
    if wording is None:
        return cause
    return wording.en if language == "en" else wording.zh


_BY_CODE: Final[Mapping[str, Wording]] = MappingProxyType(
    {cause.value: wording for cause, wording in WORDING.items()}
)
