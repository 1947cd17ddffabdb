"""The interface of a withdrawal's fee: how it came about, and what a store says against it (D4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec

from houfu.core.ids import public_id
from houfu.core.reason import Language, Reason, message, remedy
from houfu.db.tx import Connection
from houfu.http.caller import EVERYONE, MARKETPLACE_OR_STORE
from houfu.http.fields import Nothing, WithdrawalId
from houfu.http.idempotent import once
from houfu.http.reply import Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.withdrawals.actions import WithdrawalUnknown, place_of_id
from houfu.withdrawals.ask import PREFIX
from houfu.withdrawals.disputes import Dispute, Explanation, FeeUnknown, dispute_fee, explain_fee
from houfu.withdrawals.fees import FeeBreakdown, steps_of

DISPUTE_PREFIX: Final = "fdis"
_MISSES: Final[Mapping[type[Exception], str]] = {
    WithdrawalUnknown: "withdrawal_unknown",
    FeeUnknown: "fee_unknown",
}
DisputeNote = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=2000, pattern=r"^[^\x00]*$", description="What is wrong with the fee."
    ),
]


class FeePath(msgspec.Struct, frozen=True):
    """A path that names a withdrawal."""

    id: WithdrawalId


class DisputeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a store says against a fee."""

    note: DisputeNote


class FeeView(msgspec.Struct, frozen=True, kw_only=True):
    """A fee as it was charged, fen: what it followed from, step by step in words, and what the same inputs give today.
    `agrees`: all three are the same."""

    withdrawal_id: str
    store_id: str
    currency: str
    fee: int
    breakdown: FeeBreakdown
    steps: tuple[str, ...]
    computed_anew: int
    agrees: bool


class FeeDisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """A fee that is doubted: customer service re-checks it against what is kept."""

    id: str
    reason: str
    message: str
    remedy: str
    note: str
    author: str
    recorded_at: datetime
    fee: FeeView


async def get_fee(call: Call[FeePath, Nothing, Nothing]) -> Reply:
    """Show how a withdrawal's fee came about."""
    store_id, id = place_of_id(call.path.id)
    async with call.service.pool.acquire() as connection:
        explanation = await explain_fee(connection, store_id, id)
    return reply(200, _fee_view(explanation, call.language))


async def dispute(call: Call[FeePath, Nothing, DisputeBody]) -> Reply:
    """Take down that a fee is doubted."""
    store_id, id = place_of_id(call.path.id)

    async def act(connection: Connection) -> Reply:
        made = await dispute_fee(
            connection,
            store_id,
            id,
            note=call.body.note,
            author=call.caller.author,
            ids=call.service.ids,
            now=call.now(),
        )
        return reply(201, _dispute_view(made, call.language))

    return await once(call, store_id, act)


def _fee_view(explanation: Explanation, language: Language) -> FeeView:
    return FeeView(
        withdrawal_id=public_id(PREFIX, explanation.id, explanation.store_id),
        store_id=explanation.store_id,
        currency=explanation.currency,
        fee=explanation.charged,
        breakdown=explanation.breakdown,
        steps=steps_of(explanation.breakdown, explanation.currency, language),
        computed_anew=explanation.computed_anew,
        agrees=explanation.agrees,
    )


def _dispute_view(made: Dispute, language: Language) -> FeeDisputeView:
    return FeeDisputeView(
        id=public_id(DISPUTE_PREFIX, made.id, made.explanation.store_id),
        reason=Reason.FEE_DISPUTED.value,
        message=message(Reason.FEE_DISPUTED, language),
        remedy=remedy(Reason.FEE_DISPUTED, language),
        note=made.note,
        author=made.author,
        recorded_at=made.recorded_at,
        fee=_fee_view(made.explanation, language),
    )


def routes() -> list[AnyRoute]:
    """The routes of fees."""
    return [
        Route(
            method="GET",
            address="/v1/withdrawals/{id}/fee",
            operation="get_withdrawal_fee",
            summary="How a withdrawal's fee came about, step by step",
            tag="withdrawals",
            roles=EVERYONE,
            path=FeePath,
            query=Nothing,
            body=Nothing,
            answers={200: FeeView},
            handle=get_fee,
            raises=_MISSES,
        ),
        Route(
            method="POST",
            address="/v1/withdrawals/{id}/fee_dispute",
            operation="dispute_withdrawal_fee",
            summary="Doubt a withdrawal's fee",
            tag="withdrawals",
            roles=MARKETPLACE_OR_STORE,
            path=FeePath,
            query=Nothing,
            body=DisputeBody,
            answers={201: FeeDisputeView},
            handle=dispute,
            key="required",
            raises=_MISSES,
        ),
    ]
