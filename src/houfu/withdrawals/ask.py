"""What can be asked of withdrawals, and what is answered.

An ask is decoded input: its amount and ids are within limits, its caller may act for the store. An answer is
remembered under the ask's idempotency key and given again, byte for byte, to whoever repeats it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from houfu.core.calendar import Calendar
from houfu.core.ids import public_id
from houfu.core.reason import Language, Reason, message, remedy
from houfu.withdrawals import bank_reasons
from houfu.withdrawals.cautions import Caution, Consequence
from houfu.withdrawals.preview import ARRIVAL_NOTE, Preview
from houfu.withdrawals.withdrawal import Status, Withdrawal

PREFIX = "wd"
"""The prefix of a withdrawal's public id."""


class Ask(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Pay `amount` minor units of the store's balance out to one of its bank accounts."""

    store_id: str
    amount: int
    bank_account_id: str
    key: str
    request_sha: bytes
    author: str
    language: Language = "zh"


class Cancel(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Take a withdrawal back before it goes to the bank. `id` is its hex id."""

    store_id: str
    id: str
    key: str
    request_sha: bytes
    author: str
    language: Language = "zh"


class Warning(msgspec.Struct, frozen=True, gc=False):
    """A rule the withdrawal would break, and what would follow (D9), by its code and in words."""

    rule: str
    consequence: Consequence
    message: str


class PreviewView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a withdrawal would come to, minor units. Refused: `reason`, `message` and `remedy` say why and what helps,
    and amounts and dates are null. `provisional`: the dates rest on a year whose official notice is not known yet, as
    `arrival_note` says. `largest_safe_amount` would be accepted without any warning."""

    accepted: bool
    reason: str | None
    message: str | None
    remedy: str | None
    store_id: str
    amount: int
    currency: str
    fee: int | None
    fee_rule: str | None
    net: int | None
    liability_collected: int | None
    arrives_on: date | None
    latest_on: date | None
    provisional: bool
    arrival_note: str | None
    warnings: tuple[Warning, ...]
    largest_safe_amount: int


class WithdrawalView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A withdrawal as it stands, minor units; null where it was refused. `returned` went back to the store's balance
    when it failed or was canceled; `bank_reason` is the bank's code for that (ISO 20022). The answer to a request tells `largest_safe_amount` too, as a preview does.

    The answer to a command that was refused has the status "refused" and its reason; the withdrawal did not change.
    """

    id: str
    status: str
    accepted: bool
    reason: str | None
    message: str | None
    remedy: str | None
    store_id: str
    bank_account_id: str
    amount: int
    currency: str
    fee: int | None
    fee_rule: str | None
    net: int | None
    liability_collected: int | None
    returned: int
    arrives_on: date | None
    latest_on: date | None
    provisional: bool
    arrival_note: str | None
    warnings: tuple[Warning, ...]
    largest_safe_amount: int | msgspec.UnsetType = msgspec.UNSET
    asked_at: datetime
    paid_at: datetime | None
    failed_at: datetime | None
    canceled_at: datetime | None
    bank_reference: str | None
    bank_reason: str | None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What an ask came to. `outcome` is None where the first answer was given again."""

    status: int
    body: bytes
    replayed: bool
    outcome: WithdrawalView | None


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """Nothing was done and nothing is remembered under the key.

    `idempotency_key_reused`: the key came before with another request. `idempotency_key_in_use`: the first request
    with this key is still running. `store_unknown`, `withdrawal_unknown`: there is no such store or withdrawal.
    `internal`: a bug.
    """

    code: Literal[
        "idempotency_key_reused", "idempotency_key_in_use", "store_unknown", "withdrawal_unknown", "internal"
    ]


def preview_view(
    seen: Preview,
    *,
    store_id: str,
    amount: int,
    currency: str,
    language: Language,
    facts: Mapping[str, str],
) -> PreviewView:
    """The preview in the caller's language; `facts` are the policy's figures that wording names."""
    reason, facts = seen.reason, {**facts, **seen.facts}
    return PreviewView(
        accepted=seen.accepted,
        reason=None if reason is None else reason.value,
        message=None if reason is None else message(reason, language, facts),
        remedy=None if reason is None else remedy(reason, language, facts),
        store_id=store_id,
        amount=amount,
        currency=currency,
        fee=seen.fee,
        fee_rule=seen.fee_rule,
        net=seen.net,
        liability_collected=seen.liability_collected,
        arrives_on=seen.arrives_on,
        latest_on=seen.latest_on,
        provisional=seen.provisional,
        arrival_note=ARRIVAL_NOTE[language] if seen.provisional else None,
        warnings=_warnings(seen.warnings, language),
        largest_safe_amount=seen.largest_safe_amount,
    )


def withdrawal_view(
    withdrawal: Withdrawal,
    *,
    language: Language,
    facts: Mapping[str, str],
    calendar: Calendar,
    refused: Reason | None = None,
    largest_safe_amount: int | msgspec.UnsetType = msgspec.UNSET,
) -> WithdrawalView:
    """The withdrawal in the caller's language; `refused` is why a command on it was not taken. Whether its dates are
    provisional is told by the calendar as it is now."""
    moved = withdrawal.status is not Status.REFUSED
    facts = {**facts, **withdrawal.facts}
    latest_on = withdrawal.latest_on
    provisional = latest_on is not None and calendar.is_provisional(withdrawal.asked_on, latest_on)
    reason = refused or withdrawal.reason
    return WithdrawalView(
        id=public_id(PREFIX, withdrawal.id, withdrawal.store_id),
        status=withdrawal.status if refused is None else "refused",
        accepted=moved,
        reason=None if reason is None else reason.value,
        message=None if reason is None else _message(withdrawal, reason, language, facts),
        remedy=None if reason is None else _remedy(withdrawal, reason, language, facts),
        store_id=withdrawal.store_id,
        bank_account_id=withdrawal.bank_account_id,
        amount=withdrawal.amount,
        currency=withdrawal.currency,
        fee=withdrawal.fee if moved else None,
        fee_rule=withdrawal.fee_rule,
        net=withdrawal.net if moved else None,
        liability_collected=withdrawal.liability_collected if moved else None,
        returned=withdrawal.returned,
        arrives_on=withdrawal.arrives_on,
        latest_on=latest_on,
        provisional=provisional,
        arrival_note=ARRIVAL_NOTE[language] if provisional else None,
        warnings=_warnings(withdrawal.warnings, language),
        largest_safe_amount=largest_safe_amount,
        asked_at=withdrawal.asked_at,
        paid_at=withdrawal.paid_at,
        failed_at=withdrawal.failed_at,
        canceled_at=withdrawal.canceled_at,
        bank_reference=withdrawal.bank_reference,
        bank_reason=withdrawal.bank_reason,
    )


def _warnings(cautions: tuple[Caution, ...], language: Language) -> tuple[Warning, ...]:
    return tuple(
        Warning(caution.rule, caution.consequence, caution.message(language)) for caution in cautions
    )


def _message(withdrawal: Withdrawal, reason: Reason, language: Language, facts: Mapping[str, str]) -> str:
    """Why, in words: where it is the bank that did not pay, what the bank meant."""
    if reason is Reason.BANK_REJECTED and (withdrawal.bank_reason or withdrawal.bank_words):
        return bank_reasons.in_words(withdrawal.bank_reason, withdrawal.bank_words, language)
    return message(reason, language, facts)


def _remedy(withdrawal: Withdrawal, reason: Reason, language: Language, facts: Mapping[str, str]) -> str:
    if reason is Reason.BANK_REJECTED and withdrawal.bank_reason is not None:
        return bank_reasons.remedy_of(withdrawal.bank_reason, language)
    return remedy(reason, language, facts)
