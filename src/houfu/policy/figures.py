"""Figures and fields of a policy as people read them, in both languages.

A figure without a unit is a plain number with thousands separated. Nothing here rounds: fen become yuan with
two decimals where they are not whole, and shares keep every digit that is not zero.
"""

from typing import NamedTuple


class Said(NamedTuple):
    """One thing said twice."""

    zh: str
    en: str


def figure(value: int, unit: str | None) -> Said:
    """`value` in words: 2500 bp is 25%, 1000000 fen is 10,000 yuan."""
    match unit:
        case "fen":
            return Said(f"{_decimal(value, 100, places=2)}元", f"{_decimal(value, 100, places=2)} yuan")
        case "bp":
            return _both(f"{_decimal(value, 100)}%")
        case "ppm":
            return _both(f"{_decimal(value, 10_000)}%")
        case "hundredths":
            return _both(_decimal(value, 100, places=2, always=True))
        case "months":
            return Said(f"{value:,}个月", _counted(value, "month"))
        case "days":
            return Said(f"{value:,}天", _counted(value, "day"))
        case "working_days":
            return Said(f"{value:,}个工作日", _counted(value, "working day"))
        case "flag":
            return Said("是" if value else "否", "yes" if value else "no")
        case "level":
            return Said(f"{value:,}级", f"level {value:,}")
        case _:
            return _both(f"{value:,}")


def _both(text: str) -> Said:
    return Said(text, text)


def _counted(value: int, noun: str) -> str:
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def _decimal(value: int, scale: int, *, places: int | None = None, always: bool = False) -> str:
    """`value` / `scale`, a power of ten, exactly; a fraction has `places` digits, or as many as it needs."""
    whole, rest = divmod(abs(value), scale)
    digits = f"{rest:0{len(str(scale)) - 1}d}"
    if places is None:
        digits = digits.rstrip("0")
    shown = f"{whole:,}.{digits}" if digits and (rest or always) else f"{whole:,}"
    return f"-{shown}" if value < 0 else shown


SECTIONS = {
    "inputs": ("name", Said("输入", "input")),
    "tables": ("name", Said("对照表", "table")),
    "steps": ("code", Said("步骤", "step")),
    "base": ("code", Said("基础额度", "base")),
    "reductions": ("code", Said("降额规则", "reduction")),
    "layers": ("kind", Said("额度层", "layer")),
    "zero_rules": ("code", Said("清零规则", "zero rule")),
    "refer_rules": ("code", Said("人工复核规则", "refer rule")),
    "partners": ("code", Said("资金方", "funding partner")),
    "promotion_windows": ("code", Said("大促窗口", "promotion window")),
    "advice": ("action", Said("建议", "advice")),
}
"""The sections that are lists, what an entry is known by, and what one is called."""

BLOCKS = {
    "measures": Said("输入的度量", "measures"),
    "cap": Said("总额度上限", "cap"),
    "assessment": Said("定期评估", "assessment"),
    "orders": Said("订单条款", "order terms"),
    "withdrawals": Said("提现条款", "withdrawal terms"),
    "guidance": Said("提醒", "guidance"),
}
"""The sections that are one thing."""

WORDED = frozenset({"zh", "en", "remedy_zh", "remedy_en"})
"""The fields that only people read."""

FIELDS: dict[str, tuple[Said, str | None]] = {
    # the document
    "name": (Said("方案名", "name"), None),
    "currency": (Said("币种", "currency"), None),
    "timezone": (Said("时区", "time zone"), None),
    "calendar": (Said("工作日历", "calendar of working days"), None),
    "round_down_to": (Said("额度向下取整到", "the total is rounded down to"), "fen"),
    # of entries
    "unit": (Said("单位", "unit"), None),
    "min": (Said("最小值", "least value"), None),
    "max": (Said("最大值", "greatest value"), None),
    "when_missing": (Said("缺失时以此代替", "stands in where it is missing"), None),
    "default": (Said("其余情况的值", "value otherwise"), None),
    "amount": (Said("算式", "expression"), "expression"),
    "when": (Said("条件", "condition"), "expression"),
    "keep_bp": (Said("保留比例", "share that is kept"), "bp"),
    "lasts": (Said("有效期", "lasts"), None),
    "lag_months": (Said("生效延后", "comes into force after"), "months"),
    "unwinds": (Said("到期后逐步恢复", "unwinds"), None),
    "cap": (Said("上限算式", "cap expression"), "expression"),
    "headroom": (Said("剩余额度取自输入", "headroom is the input"), None),
    "price_ppm_per_day": (Said("日价格", "price a day"), "ppm"),
    "from": (Said("开始日", "first day"), None),
    "until": (Said("结束日", "last day"), None),
    "changes": (Said("所改的输入", "changes to inputs"), None),
    "earliest": (Said("最早生效", "the soonest it counts"), None),
    "months": (Said("所需月数", "months it takes"), "months"),
    "days": (Said("所需工作日", "working days it takes"), None),
    "code": (Said("代码", "code"), None),
    "zh": (Said("中文说法", "Chinese wording"), None),
    "en": (Said("英文说法", "English wording"), None),
    "remedy_zh": (Said("中文补救办法", "Chinese remedy"), None),
    "remedy_en": (Said("英文补救办法", "English remedy"), None),
    # of blocks
    "measures.dsr_held_at_least": (Said("评分达标线", "a DSR score is held at"), "hundredths"),
    "measures.orders_held_more_than": (Said("月订单达标线(超过)", "orders a month are held over"), "count"),
    "measures.violation_months": (Said("违规计入月数", "a violation counts for"), "months"),
    "measures.course_months": (Said("课程有效月数", "the course counts for"), "months"),
    "assessment.every": (Said("周期", "every"), None),
    "assessment.check_day": (Said("每月检查日", "day of the month on which rules are checked"), None),
    "orders.hold_days": (Said("未发货占用期限", "a hold lasts"), "days"),
    "orders.funding.mode": (Said("放款方式", "the store is paid"), None),
    "orders.funding.advance_share_bp": (Said("发货垫付比例", "share advanced on shipping"), "bp"),
    "orders.over_limit.allowed": (Said("允许超额发货", "shipping beyond the line is allowed"), "flag"),
    "orders.over_limit.max_bp_of_total": (
        Said("超额最多占总额度", "beyond the line at most, of the total"),
        "bp",
    ),
    "orders.default.after_days": (Said("买家违约判定期", "an unpaid order is a default after"), "days"),
    "orders.default.receipt_after_days": (Said("自动确认收货", "receipt counts as confirmed after"), "days"),
    "orders.default.bearer.shipped": (
        Said("发货后违约承担方", "bearer of a default once shipped"),
        None,
    ),
    "orders.default.bearer.received": (
        Said("收货后违约承担方", "bearer of a default once received"),
        None,
    ),
    "withdrawals.working_days": (Said("到账工作日", "arrives after"), "working_days"),
    "withdrawals.promotion_latest_working_days": (
        Said("大促期间最迟到账", "arrives in promotions after at most"),
        "working_days",
    ),
    "withdrawals.closed": (Said("每日关闭时段", "closed daily"), None),
    "withdrawals.fee.first_free": (Said("首笔免费", "the first is free"), "flag"),
    "withdrawals.fee.rate_ppm": (Said("费率", "fee rate"), "ppm"),
    "withdrawals.fee.minimum": (Said("最低手续费", "least fee"), "fen"),
    "withdrawals.fee.year_threshold": (Said("年免费门槛", "free once the year's total is over"), "fen"),
    "withdrawals.fee.charge_failed": (Said("失败也收费", "a failed one is charged"), "flag"),
    "withdrawals.large_share_bp": (Said("大额提现占额度", "large from, of the limit"), "bp"),
    "withdrawals.large_wait_days": (Said("大额后等待", "wait after a large one"), "days"),
    "withdrawals.day_share_zero_bp": (Said("单日提现红线", "most in one day, of the limit"), "bp"),
    "withdrawals.day_count_max": (Said("单日提现次数上限", "most in one day"), "count"),
    "withdrawals.first_month_day_share_bp": (
        Said("首月单日提现建议上限", "advised most in one day of the first month, of the limit"),
        "bp",
    ),
    "withdrawals.day_amount_max": (Said("单日提现金额上限", "most in one day, in all"), "fen"),
    "withdrawals.hours_24.count_max": (Said("24 小时内提现次数上限", "most in any 24 hours"), "count"),
    "withdrawals.hours_24.amount_max": (Said("24 小时内提现金额上限", "most in any 24 hours, in all"), "fen"),
    "withdrawals.hours_24.share_max_bp": (
        Said("24 小时内提现占额度上限", "most in any 24 hours, of the limit"),
        "bp",
    ),
    "withdrawals.bank_account.verified": (
        Said("收款账户须经核验", "a bank account must be verified"),
        "flag",
    ),
    "withdrawals.bank_account.cooling_hours": (
        Said("收款账户变更后冷静期(小时)", "hours a changed bank account rests"),
        "count",
    ),
    "withdrawals.review.working_days": (
        Said("风险审核工作日", "working days within which a risk review is decided"),
        "days",
    ),
    "guidance.utilisation_warning_bp": (Said("使用率提醒线", "warning from utilisation"), "bp"),
    "guidance.usage_check_day": (Said("每月用量检查日", "day of the month on which usage is checked"), None),
    "guidance.promotion_apply_days": (Said("大促提额提前申请", "apply for a promotion ahead"), "days"),
}
"""Every field in words, and the unit of its figure. Fields of blocks are known by their whole path."""
