"""What a store is told when its withdrawal ends: it was paid, or it failed and why."""

from typing import Final

from houfu.core.ids import public_id
from houfu.core.money import in_words
from houfu.events.message import Kind, Message
from houfu.withdrawals import bank_reasons
from houfu.withdrawals.ask import PREFIX
from houfu.withdrawals.withdrawal import Status, Withdrawal

_DIGITS_SHOWN: Final = 4


def ended_message(withdrawal: Withdrawal, *, id: str) -> Message:
    """The message of a withdrawal that was paid, that failed, or that came back after it was paid (D4, D5)."""
    w = withdrawal
    account = (w.number or "")[-_DIGITS_SHOWN:]
    net, amount = in_words(w.net, w.currency), in_words(w.amount, w.currency)
    data: dict[str, str | int | bool | list[str] | None] = {
        "withdrawal_id": public_id(PREFIX, w.id, w.store_id),
        "amount": w.amount,
        "net": w.net,
        "currency": w.currency,
        "bank_reference": w.bank_reference,
    }
    if w.status is Status.PAID:
        assert w.paid_at is not None  # noqa: S101 (a paid one has a moment)
        return Message(
            w.store_id,
            id,
            Kind.WITHDRAWAL_PAID,
            f"您的提现已到账:{net}已付至尾号{account}的账户,银行流水号{w.bank_reference or '待银行提供'}。",
            f"Your withdrawal has arrived: {net} was paid to the account ending in {account}, bank reference "
            f"{w.bank_reference or 'still to come'}.",
            data,
            w.paid_at,
        )
    assert w.failed_at is not None  # noqa: S101 (a failed one has a moment)
    returned = in_words(w.returned, w.currency)
    zh, en = (bank_reasons.in_words(w.bank_reason, w.bank_words, language) for language in ("zh", "en"))
    remedy_zh, remedy_en = (bank_reasons.remedy_of(w.bank_reason, language) for language in ("zh", "en"))
    came_back = w.came_back_on is not None
    zh_head = "已到账的提现被银行退回" if came_back else "您的提现未成功"
    en_head = "A withdrawal that had arrived came back" if came_back else "Your withdrawal failed"
    return Message(
        w.store_id,
        id,
        Kind.WITHDRAWAL_FAILED,
        f"{zh_head}:{zh}。{amount}中的{returned}已退回店铺余额。{remedy_zh}。",
        f"{en_head}: {en}. {returned} of {amount} is back in the store's balance. {remedy_en}.",
        data | {"bank_reason": w.bank_reason, "returned": w.returned, "came_back": came_back},
        w.failed_at,
    )
