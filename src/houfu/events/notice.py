"""The messages that no change of a line makes: a policy is announced, use is high, a person must look.

The words and the data are made here, in one place, so that whoever sends one brings only what it is about.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from houfu.core.money import BASIS_POINTS, DEFAULT_CURRENCY, in_words
from houfu.events.message import Kind, Message


def policy_announced(
    store_id: str,
    *,
    id: str,
    policy_version: int,
    policy_zh: str,
    policy_en: str,
    effective_on: date,
    total_now: int | None,
    total_then: int | None,
    occurred_at: datetime,
    currency: str = DEFAULT_CURRENCY,
) -> Message:
    """A policy comes into force on a local day; what it makes of the store's limit (E4).

    The totals are what the policy in force and the new one give for the store as it stands; None where that cannot be
    told yet.
    """
    if total_now is None or total_then is None:
        effect_zh = "对您额度的影响将在生效后评估时确定"
        effect_en = "what it does to your limit is decided at the assessment after that day"
    elif total_then == total_now:
        now = in_words(total_now, currency)
        effect_zh = f"按您目前的经营情况,额度{now}不变"
        effect_en = f"as your store stands, your limit of {now} stays"
    else:
        now, then = in_words(total_now, currency), in_words(total_then, currency)
        effect_zh = f"按您目前的经营情况,额度将由{now}变为{then}"
        effect_en = f"as your store stands, your limit will go from {now} to {then}"
    return Message(
        store_id,
        id,
        Kind.POLICY_ANNOUNCED,
        f"《{policy_zh}》第{policy_version}版将于{effective_on.isoformat()}生效:{effect_zh}。",
        f"Version {policy_version} of “{policy_en}” takes effect on {effective_on.isoformat()}: {effect_en}.",
        {
            "policy_version": policy_version,
            "effective_on": effective_on.isoformat(),
            "total_now": total_now,
            "total_then": total_then,
            "currency": currency,
        },
        occurred_at,
    )


def usage_reminder(
    store_id: str,
    *,
    id: str,
    total: int,
    used: int,
    warning_bp: int,
    occurred_at: datetime,
    currency: str = DEFAULT_CURRENCY,
) -> Message:
    """More of the limit is used than the policy's warning (E1, E2). `total` is above zero.

    The utilisation is rounded down to a basis point; what a store is told is never more than it uses.
    """
    utilisation_bp = used * BASIS_POINTS // total
    available = max(0, total - used)
    share, warning = _percent(utilisation_bp), _percent(warning_bp)
    left, whole, taken = (in_words(amount, currency) for amount in (available, total, used))
    return Message(
        store_id,
        id,
        Kind.USAGE_REMINDER,
        f"您的额度已使用{share}({taken},总额度{whole}),超过{warning}的提醒线,可使用额度为{left}。建议为突发订单预留额度。",
        f"You use {share} of your limit ({taken} of {whole}), more than the warning at {warning}; {left} is available. "
        "Keep a reserve for sudden orders.",
        {
            "total": total,
            "used": used,
            "available": available,
            "utilisation_bp": utilisation_bp,
            "warning_bp": warning_bp,
            "currency": currency,
        },
        occurred_at,
    )


def limit_referred(
    store_id: str,
    *,
    id: str,
    total: int,
    referred_by: Sequence[str],
    because_zh: Sequence[str],
    because_en: Sequence[str],
    occurred_at: datetime,
    currency: str = DEFAULT_CURRENCY,
) -> Message:
    """A person must look at a decision, by the refer rules of these codes and words; until then the total stays."""
    now = in_words(total, currency)
    return Message(
        store_id,
        id,
        Kind.LIMIT_REFERRED,
        f"您的额度评估需要人工复核:{'、'.join(because_zh)}。复核完成之前,额度{now}不变。",
        f"A person will look at the assessment of your limit: {'; '.join(because_en)}. Until then your limit of {now} stays.",
        {"total": total, "currency": currency, "referred_by": list(referred_by)},
        occurred_at,
    )


def arrival_changed(
    store_id: str,
    *,
    id: str,
    withdrawal_id: str,
    asked_on: date,
    amount: int,
    arrives_on: tuple[date, date],
    latest_on: tuple[date, date],
    calendar: str,
    calendar_number: int,
    occurred_at: datetime,
    currency: str = DEFAULT_CURRENCY,
) -> Message:
    """A new holiday notice moved a withdrawal's arrival (D1): both days as they were and as they are. Minor units."""
    (arrived, arrives), (was_latest, latest) = arrives_on, latest_on
    asked = in_words(amount, currency)
    may_zh = "" if latest == arrives else f",最迟{latest.isoformat()}"
    may_en = "" if latest == arrives else f", at the latest on {latest.isoformat()}"
    return Message(
        store_id,
        id,
        Kind.ARRIVAL_CHANGED,
        f"节假日安排已更新:您{asked_on.isoformat()}申请的提现({asked})原预计{arrived.isoformat()}到账,"
        f"现预计{arrives.isoformat()}到账{may_zh}。金额不变。",
        f"A new holiday notice came: the withdrawal of {asked} you asked for on {asked_on.isoformat()} was expected on "
        f"{arrived.isoformat()} and is now expected on {arrives.isoformat()}{may_en}. Its amount stays.",
        {
            "withdrawal_id": withdrawal_id,
            "from_arrives_on": arrived.isoformat(),
            "to_arrives_on": arrives.isoformat(),
            "from_latest_on": was_latest.isoformat(),
            "to_latest_on": latest.isoformat(),
            "calendar": calendar,
            "calendar_number": calendar_number,
        },
        occurred_at,
    )


def review_opened(
    store_id: str,
    *,
    id: str,
    review_id: str,
    withdrawal_id: str,
    rule: str,
    documents: Sequence[str],
    due_on: date,
    occurred_at: datetime,
) -> Message:
    """A withdrawal broke a rule and a risk review opened: what to file, and by when it is decided (D9, D10)."""
    zh, en = _BROKEN[rule]
    return Message(
        store_id,
        id,
        Kind.REVIEW_OPENED,
        f"您的店铺进入风险审核:{zh}。请暂停促销活动,并提交近3个月银行流水。审核最迟于{due_on.isoformat()}完成,在此之前不能提现。",
        f"A risk review of your store opened: {en}. Stop promotions and file the bank statements of the last 3 months. "
        f"It is decided by {due_on.isoformat()}; until then nothing can be withdrawn.",
        {
            "review_id": review_id,
            "rule": rule,
            "withdrawal_id": withdrawal_id,
            "documents": list(documents),
            "due_on": due_on.isoformat(),
        },
        occurred_at,
    )


def review_decided(
    store_id: str, *, id: str, review_id: str, rule: str, outcome: str, occurred_at: datetime
) -> Message:
    """A person decided a risk review: `cleared` or `upheld` (D10)."""
    if outcome == "cleared":
        zh, en = "已通过", "Your store was cleared in its risk review. Thank you for your documents."
    else:
        zh = "未通过,额度保持暂停。您可提交整改计划申请恢复"
        en = "The risk review upheld your store's suspension. You may file a rectification plan to have it lifted."
    return Message(
        store_id,
        id,
        Kind.REVIEW_DECIDED,
        f"您店铺的风险审核{zh}。",
        en,
        {"review_id": review_id, "rule": rule, "outcome": outcome},
        occurred_at,
    )


_BROKEN: Final = {
    "B11": (
        "当日提现合计超过额度的规定比例",
        "the withdrawals of one day came to more than their share of the limit",
    ),
    "D6": ("当日提现次数超过上限", "more withdrawals were asked for in one day than it may have"),
}


def _percent(bp: int) -> str:
    whole, hundredths = divmod(bp, 100)
    return f"{whole}.{hundredths:02d}%" if hundredths else f"{whole}%"
