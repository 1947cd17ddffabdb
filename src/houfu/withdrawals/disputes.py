"""How a withdrawal's fee came about, looked up and computed anew; and what a store says against it (D4)."""

from datetime import datetime

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.withdrawals.actions import WithdrawalUnknown
from houfu.withdrawals.fees import FeeBreakdown, computed_anew

_SQL = load(__package__, "fees.sql")


class FeeUnknown(LookupError):
    """The withdrawal was refused: it has no fee."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A fee as it was charged, what it followed from, and what the same inputs give today, fen."""

    store_id: str
    id: str
    currency: str
    charged: int
    breakdown: FeeBreakdown
    computed_anew: int

    @property
    def agrees(self) -> bool:
        """Whether what was charged is what was computed, then and now."""
        return self.charged == self.breakdown.fee == self.computed_anew


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """What a store says against a fee. `id` is its hex id."""

    id: str
    note: str
    author: str
    recorded_at: datetime
    explanation: Explanation


async def explain_fee(connection: Connection, store_id: str, id: str) -> Explanation:
    """How the fee of the withdrawal of that hex id came about. WithdrawalUnknown, FeeUnknown."""
    row = await connection.fetchrow(_SQL["read_fee"], store_id, id)
    if row is None:
        raise WithdrawalUnknown(id)
    if row["fee_breakdown"] is None:
        raise FeeUnknown(id)
    breakdown = msgspec.convert(row["fee_breakdown"], FeeBreakdown)
    return Explanation(
        store_id=store_id,
        id=id,
        currency=row["currency"],
        charged=row["fee"],
        breakdown=breakdown,
        computed_anew=computed_anew(breakdown).amount,
    )


async def dispute_fee(
    connection: Connection, store_id: str, id: str, *, note: str, author: str, ids: IdMaker, now: datetime
) -> Dispute:
    """Take down that a fee is doubted, in the caller's transaction. WithdrawalUnknown, FeeUnknown."""
    explanation = await explain_fee(connection, store_id, id)
    dispute_id = ids.make(now)
    await connection.execute(
        _SQL["insert_dispute"], store_id, dispute_id, id, note, author, explanation.agrees, now
    )
    return Dispute(id=dispute_id, note=note, author=author, recorded_at=now, explanation=explanation)
