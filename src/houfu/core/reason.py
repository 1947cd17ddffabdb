"""Why Houfu says no: the closed list of reasons, each with wording and remedy in Chinese and English.

A reason is part of the public interface: documented, never renamed, never reused. Each says which requests it
can answer, so that a reason of withdrawals cannot slip into an order's answer. In what order the checks run is
the business of the capability that runs them; there the first failing check gives the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

Language = Literal["zh", "en"]


class Request(StrEnum):
    """What was asked for, as far as refusals go."""

    AUTHORIZATION = "authorization"
    ORDER_COMMAND = "order_command"
    """Capture, void, repayment or return of an order that was authorized."""
    WITHDRAWAL = "withdrawal"
    WITHDRAWAL_COMMAND = "withdrawal_command"
    """Dispatch, confirmation, rejection or cancellation of a withdrawal that was accepted."""
    FEE_DISPUTE = "fee_dispute"
    """A store doubts the fee of a withdrawal: the reason under which it is counted (D4)."""


class Reason(StrEnum):
    """Every reason a request can be refused for, or a withdrawal can fail for."""

    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    CURRENCY_DIFFERS = "currency_differs"

    STORE_UNKNOWN = "store_unknown"
    LINE_NOT_OPEN = "line_not_open"
    LINE_SUSPENDED = "line_suspended"
    ORDER_ALREADY_AUTHORIZED = "order_already_authorized"
    LIMIT_EXCEEDED = "limit_exceeded"

    AUTHORIZATION_REFUSED = "authorization_refused"
    ORDER_CLOSED = "order_closed"
    CAPTURE_EXCEEDS_HOLD = "capture_exceeds_hold"
    NOTHING_TO_VOID = "nothing_to_void"
    REPAYMENT_EXCEEDS_OUTSTANDING = "repayment_exceeds_outstanding"
    RETURN_EXCEEDS_ORDER = "return_exceeds_order"

    MAINTENANCE = "maintenance"
    ACCOUNT_FROZEN = "account_frozen"
    ACCOUNT_ABNORMAL = "account_abnormal"
    BANK_ACCOUNT_UNKNOWN = "bank_account_unknown"
    BANK_ACCOUNT_UNVERIFIED = "bank_account_unverified"
    BANK_ACCOUNT_COOLING = "bank_account_cooling"
    DAILY_COUNT_EXCEEDED = "daily_count_exceeded"
    LIMIT_NOT_WITHDRAWABLE = "limit_not_withdrawable"
    BALANCE_INSUFFICIENT = "balance_insufficient"
    AMOUNT_TOO_SMALL = "amount_too_small"
    DAILY_AMOUNT_EXCEEDED = "daily_amount_exceeded"
    BANK_REJECTED = "bank_rejected"

    WITHDRAWAL_NOT_SENT = "withdrawal_not_sent"
    WITHDRAWAL_IN_TRANSIT = "withdrawal_in_transit"
    WITHDRAWAL_CLOSED = "withdrawal_closed"

    FEE_DISPUTED = "fee_disputed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A business "no": a value that is recorded and answered, never an exception."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Wording:
    """What people read about a reason, and the requests it can answer. Texts may hold `{facts}`."""

    requests: frozenset[Request]
    message_zh: str
    message_en: str
    remedy_zh: str
    remedy_en: str


_AUTHORIZATION: Final = frozenset({Request.AUTHORIZATION})
_ORDER_COMMAND: Final = frozenset({Request.ORDER_COMMAND})
_ORDER: Final = _AUTHORIZATION | _ORDER_COMMAND
_WITHDRAWAL: Final = frozenset({Request.WITHDRAWAL})
_FEE_DISPUTE: Final = frozenset({Request.FEE_DISPUTE})
_WITHDRAWAL_COMMAND: Final = frozenset({Request.WITHDRAWAL_COMMAND})

WORDING: Final[Mapping[Reason, Wording]] = MappingProxyType(
    {
        Reason.AMOUNT_NOT_POSITIVE: Wording(
            _ORDER,
            "金额必须大于零",
            "The amount must be more than zero",
            "请以分为单位填写大于零的整数金额",
            "Send a whole number of fen above zero",
        ),
        Reason.CURRENCY_DIFFERS: Wording(
            _ORDER,
            "币种与额度币种不一致",
            "The currency is not the line's currency",
            "请使用该店铺额度的币种提交",
            "Send the amount in the currency of the store's line",
        ),
        Reason.STORE_UNKNOWN: Wording(
            _AUTHORIZATION,
            "店铺不存在",
            "The store is unknown",
            "请先登记店铺,或核对店铺编号",
            "Register the store first, or check its id",
        ),
        Reason.LINE_NOT_OPEN: Wording(
            _AUTHORIZATION,
            "店铺尚未开通先用后付额度",
            "The store has no open pay-later line",
            "请先开通先用后付并完成额度评估",
            "Open pay-later for the store and have its limit assessed",
        ),
        Reason.LINE_SUSPENDED: Wording(
            _AUTHORIZATION,
            "店铺额度已暂停使用",
            "The store's line is suspended",
            "请按通知提交说明与整改计划,审核通过后恢复额度",
            "File an explanation and a rectification plan; an accepted plan restores the limit",
        ),
        Reason.ORDER_ALREADY_AUTHORIZED: Wording(
            _AUTHORIZATION,
            "该订单已占用额度",
            "The order already holds part of the line",
            "请使用该订单已有的授权,不要重复提交",
            "Use the authorization the order already has",
        ),
        Reason.LIMIT_EXCEEDED: Wording(
            _AUTHORIZATION,
            "额度不足,请提升信用",
            "The limit is not enough: raise your credit",
            "买家还款、退货或取消订单后额度自动恢复;提升店铺评分、订单量与好评率,减少退款和投诉可提高额度",
            "Repayments, returns and voided orders restore the line; better ratings, more orders, fewer refunds "
            "and complaints raise it",
        ),
        Reason.AUTHORIZATION_REFUSED: Wording(
            _ORDER_COMMAND,
            "该订单的授权已被拒绝,不占用额度",
            "The order's authorization was refused: it holds nothing",
            "请重新为订单申请授权",
            "Authorize the order anew",
        ),
        Reason.ORDER_CLOSED: Wording(
            _ORDER_COMMAND,
            "该订单已结束,不再接受此操作",
            "The order is closed and takes no such command",
            "请核对订单状态;如需继续交易请重新下单",
            "Check the order's state; a further sale needs a new order",
        ),
        Reason.CAPTURE_EXCEEDS_HOLD: Wording(
            _ORDER_COMMAND,
            "发货金额超过该订单剩余的占用额度",
            "The capture is more than what the order still holds",
            "请按剩余占用额度发货,超出部分另行申请授权",
            "Capture at most what is held; authorize the rest as another order",
        ),
        Reason.NOTHING_TO_VOID: Wording(
            _ORDER_COMMAND,
            "该订单没有可释放的额度",
            "The order holds nothing that could be freed",
            "已发货部分请走退货流程",
            "What was already captured comes back by a return",
        ),
        Reason.REPAYMENT_EXCEEDS_OUTSTANDING: Wording(
            _ORDER_COMMAND,
            "还款金额超过该订单未还金额",
            "The repayment is more than what the buyer still owes for the order",
            "请按未还金额提交还款",
            "Repay at most what is outstanding",
        ),
        Reason.RETURN_EXCEEDS_ORDER: Wording(
            _ORDER_COMMAND,
            "退货金额超过该订单可退金额",
            "The return is more than what is left of the order",
            "请核对此前的退货,按剩余可退金额提交",
            "Check earlier returns and send at most what is left",
        ),
        Reason.MAINTENANCE: Wording(
            _WITHDRAWAL,
            "系统维护时段,暂停提现",
            "Withdrawals are closed for daily maintenance",
            "请于 {reopens_at} 之后再申请提现",
            "Come back at {reopens_at}",
        ),
        Reason.ACCOUNT_FROZEN: Wording(
            _WITHDRAWAL,
            "账户已被冻结",
            "The account is frozen",
            "请提交营业执照、法定代表人身份证件和银行流水申请解冻",
            "To have it released, file the business licence, the legal person's id and a bank statement",
        ),
        Reason.ACCOUNT_ABNORMAL: Wording(
            _WITHDRAWAL,
            "账户存在风险",
            "The account shows risk",
            "请暂停促销活动,并提交近 3 个月银行流水等材料进行风险审核,{review_days} 个工作日内答复",
            "Stop promotions and file the last 3 months of bank statements for a risk review, decided within "
            "{review_days} working days",
        ),
        Reason.BANK_ACCOUNT_UNKNOWN: Wording(
            _WITHDRAWAL,
            "收款银行账户不存在",
            "The bank account is unknown",
            "请先登记店铺的收款银行账户",
            "Register the store's bank account first",
        ),
        Reason.BANK_ACCOUNT_UNVERIFIED: Wording(
            _WITHDRAWAL,
            "收款银行账户尚未核验",
            "The bank account is not verified yet",
            "请等待平台核验该账户,或提现到其他已核验的账户",
            "Wait until the marketplace has verified it, or withdraw to a verified account",
        ),
        Reason.BANK_ACCOUNT_COOLING: Wording(
            _WITHDRAWAL,
            "收款银行账户刚刚变更,尚在冷静期内",
            "The bank account was changed a short while ago and still rests",
            "请于 {usable_from} 之后再提现到该账户,或提现到其他已核验的账户",
            "Withdraw to it from {usable_from} on, or to another verified account",
        ),
        Reason.DAILY_COUNT_EXCEEDED: Wording(
            _WITHDRAWAL,
            "一日内提现次数超出上限",
            "Too many withdrawals within a day",
            "请于 {frees_up_at} 之后再申请,此后可合并为一笔提现",
            "Come back at {frees_up_at}, and withdraw once instead of several times",
        ),
        Reason.LIMIT_NOT_WITHDRAWABLE: Wording(
            _WITHDRAWAL,
            "额度不是资金,不可提现",
            "The limit is not money and cannot be withdrawn",
            "额度仅用于平台内交易;订单发货后垫付到账的余额才可提现",
            "The limit is for trade on the platform; what can be withdrawn is the balance advanced on fulfilled "
            "orders",
        ),
        Reason.BALANCE_INSUFFICIENT: Wording(
            _WITHDRAWAL,
            "可提现余额不足",
            "The withdrawable balance is not enough",
            "请暂缓低毛利订单发货,优先履约高利润订单,待余额增加后再提现",
            "Hold back low-margin shipments, serve profitable orders first, and withdraw once the balance has "
            "grown",
        ),
        Reason.AMOUNT_TOO_SMALL: Wording(
            _WITHDRAWAL,
            "金额过小,扣除手续费和欠款后无可到账金额",
            "The amount is too small: fee and liability would leave nothing",
            "请提高提现金额,使扣除手续费和欠款后仍有余额到账",
            "Ask for more, so that something is left after fee and liability",
        ),
        Reason.DAILY_AMOUNT_EXCEEDED: Wording(
            _WITHDRAWAL,
            "一日内提现金额超出上限",
            "The amount is more than may be withdrawn within a day",
            "目前至多还可提现 {still_possible};{frees_up_at} 起可提现更多",
            "At most {still_possible} can be withdrawn now, and more from {frees_up_at} on",
        ),
        Reason.BANK_REJECTED: Wording(
            _WITHDRAWAL,
            "银行退回了该笔提现",
            "The bank rejected the payment",
            "资金仍在店铺余额中;请核对收款账户的户名、账号和状态后重新申请",
            "The funds stay in the store's balance; check the account's holder, number and state, then ask again",
        ),
        Reason.WITHDRAWAL_NOT_SENT: Wording(
            _WITHDRAWAL_COMMAND,
            "该笔提现尚未提交银行",
            "The withdrawal was not sent to the bank yet",
            "请核对银行回执对应的提现编号",
            "Check which withdrawal the bank's answer belongs to",
        ),
        Reason.WITHDRAWAL_IN_TRANSIT: Wording(
            _WITHDRAWAL_COMMAND,
            "该笔提现已提交银行,无法取消",
            "The withdrawal is with the bank and can no longer be canceled",
            "请等待银行结果;若被退回,资金将回到店铺余额",
            "Wait for the bank's answer; if it is rejected the funds go back to the store's balance",
        ),
        Reason.WITHDRAWAL_CLOSED: Wording(
            _WITHDRAWAL_COMMAND,
            "该笔提现已结束,不再接受此操作",
            "The withdrawal is closed and takes no such command",
            "请核对提现状态;如需继续请重新申请",
            "Check the withdrawal's state; ask for a new one if needed",
        ),
        Reason.FEE_DISPUTED: Wording(
            _FEE_DISPUTE,
            "手续费存在争议",
            "The fee is disputed",
            "手续费明细已永久留存,客服将据此复核",
            "The fee's breakdown is kept for ever; customer service re-checks it",
        ),
    }
)

SHIPPED_FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reopens_at": "03:00",
        "review_days": "3",
        "usable_from": "YYYY-MM-DD HH:MM",
        "frees_up_at": "YYYY-MM-DD HH:MM",
        "still_possible": "¥X",
    }
)
"""Figures of the shipped policy that wording falls back to (D3, D10) where the caller gives no policy's own; what each
request has its own of is shown by its form."""


def message(reason: Reason, language: Language = "zh", facts: Mapping[str, str] = SHIPPED_FACTS) -> str:
    """Say what stood in the way. `facts` overrides the figures named in braces."""
    wording = WORDING[reason]
    text = wording.message_en if language == "en" else wording.message_zh
    return text.format_map({**SHIPPED_FACTS, **facts})


def remedy(reason: Reason, language: Language = "zh", facts: Mapping[str, str] = SHIPPED_FACTS) -> str:
    """Say what the store or the caller can do about it. `facts` overrides the figures named in braces."""
    wording = WORDING[reason]
    text = wording.remedy_en if language == "en" else wording.remedy_zh
    return text.format_map({**SHIPPED_FACTS, **facts})


def reasons_of(request: Request) -> tuple[Reason, ...]:
    """The closed list of reasons that can answer one kind of request, in the order of the enum."""
    return tuple(reason for reason in Reason if request in WORDING[reason].requests)
