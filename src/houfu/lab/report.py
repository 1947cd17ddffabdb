"""The year in figures, all of them read from the books; the simulator's own tally only stands beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import msgspec

from houfu.core.money import DEFAULT_CURRENCY
from houfu.db.queries import load
from houfu.db.tx import Connection
from houfu.lab.tally import Sum, Tally
from houfu.ledger.verify import Proof

_SQL = load(__package__)
_WITHDRAWN: Final = frozenset({"scheduled", "in_transit", "paid"})


class Count(msgspec.Struct, frozen=True):
    """How often something happened, and how much money it was about, fen."""

    count: int = 0
    amount: int = 0


class CategoryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The stores of a category and their limits at the end, fen."""

    category: str
    stores: int
    total: int
    used: int
    without_limit: int


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month: orders by count, money in fen. `granted` is what the limits came to at its end."""

    month: date
    authorized: int
    refused: int
    advanced: int
    repaid: int
    returned: int
    defaulted: int
    withdrawn: int
    granted: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the books say; money in fen. `reviews` by the rule that was broken, with what was asked for; `reviews_decided` by
    outcome. `books_sha256` covers the end of every store's chain of journals."""

    categories: list[CategoryLimits]
    authorized: Count
    refused: dict[str, Count]
    captured: Count
    advanced: Count
    repaid: Count
    returned: Count
    voided: Count
    expired: Count
    defaulted: Count
    withdrawn: Count
    withdrawals_failed: dict[str, Count]
    withdrawals_refused: dict[str, Count]
    reviews: dict[str, Count]
    reviews_decided: dict[str, int]
    fees: int
    losses: int
    receivable: int
    liability: int
    store_balances: int
    in_transit: int
    months: list[Month]
    books_sha256: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A run and what came of it. `commands_per_second` counts the simulator's own time too."""

    stores: int
    days: int
    seed: int
    first_day: date
    last_day: date
    figures: Figures
    ledger: Proof
    tally_agrees: bool
    commands: int
    run_milliseconds: int
    commands_per_second: int


async def figures(connection: Connection, *, zone: str) -> Figures:
    """Read the figures. Months are those of the programme's time zone."""
    orders = {row[0]: Count(row[1], row[2]) for row in await connection.fetch(_SQL["orders"])}
    moved = {row[0]: Count(row[1], row[2]) for row in await connection.fetch(_SQL["movements"])}
    asked = [(row[0], row[1], Count(row[2], row[3])) for row in await connection.fetch(_SQL["withdrawals"])]
    held = {row[0]: row[1] for row in await connection.fetch(_SQL["balances"], DEFAULT_CURRENCY)}
    advanced = await connection.fetchrow(_SQL["advanced"])
    nothing = Count()
    return Figures(
        categories=[CategoryLimits(**row) for row in await connection.fetch(_SQL["stores"])],
        authorized=orders.pop("", nothing),
        refused=orders,
        captured=moved.get("capture", nothing),
        advanced=nothing if advanced is None else Count(advanced[0], advanced[1]),
        repaid=moved.get("repay", nothing),
        returned=moved.get("return", nothing),
        voided=moved.get("void", nothing),
        expired=moved.get("expire", nothing),
        defaulted=moved.get("default", nothing),
        withdrawn=_sum(count for status, _, count in asked if status in _WITHDRAWN),
        withdrawals_failed={reason: count for status, reason, count in asked if status == "failed"},
        withdrawals_refused={reason: count for status, reason, count in asked if status == "refused"},
        reviews={row[0]: Count(row[1], row[2]) for row in await connection.fetch(_SQL["reviews"])},
        reviews_decided={row[0]: row[1] for row in await connection.fetch(_SQL["reviews_decided"])},
        fees=-held.get("fee_income", 0),
        losses=held.get("loss", 0),
        receivable=held.get("buyer_receivable", 0),
        liability=held.get("store_liability", 0),
        store_balances=-held.get("store_balance", 0),
        in_transit=-held.get("payout_clearing", 0),
        months=[Month(**row) for row in await connection.fetch(_SQL["months"], zone)],
        books_sha256=await connection.fetchval(_SQL["books"]),
    )


async def well_chosen_store(connection: Connection) -> str | None:
    """A store worth looking at; None where no store has both a limit in use and money."""
    return await connection.fetchval(_SQL["well_chosen_store"])


def differences(found: Figures, tally: Tally) -> list[str]:
    """Where the books and the simulator's own count differ, in words; empty where they agree."""
    failed = _sum(found.withdrawals_failed.values())
    pairs: list[tuple[str, Count, Sum]] = [
        ("authorized", found.authorized, tally.authorized),
        ("captured", found.captured, tally.captured),
        ("advanced", found.advanced, tally.captured),
        ("repaid", found.repaid, tally.repaid),
        ("returned", found.returned, tally.returned),
        ("voided", found.voided, tally.voided),
        ("expired", found.expired, tally.expired),
        ("defaulted", found.defaulted, tally.defaulted),
        ("withdrawals failed", failed, tally.withdrawals_failed),
        (
            "withdrawals accepted",
            Count(found.withdrawn.count + failed.count, found.withdrawn.amount + failed.amount),
            tally.withdrawn,
        ),
    ]
    pairs += _by_reason("refused", found.refused, tally.refused)
    pairs += _by_reason("withdrawals refused", found.withdrawals_refused, tally.withdrawals_refused)
    pairs += _by_reason("reviews", found.reviews, tally.reviews)
    different = [
        f"{what}: the books say {ours.count} of {ours.amount} fen, the simulator {theirs.count} of {theirs.amount}"
        for what, ours, theirs in pairs
        if (ours.count, ours.amount) != (theirs.count, theirs.amount)
    ]
    if found.fees != tally.fees:
        different.append(f"fees: the books say {found.fees} fen, the simulator {tally.fees}")
    if found.reviews_decided != tally.reviews_decided:
        different.append(
            f"reviews decided: the books say {found.reviews_decided}, the simulator {tally.reviews_decided}"
        )
    return different + [f"unexpected: {surprise}" for surprise in tally.surprises]


def _by_reason(
    what: str, found: Mapping[str, Count], told: Mapping[str, Sum]
) -> list[tuple[str, Count, Sum]]:
    reasons = sorted({*found, *told})
    return [(f"{what}: {reason}", found.get(reason, Count()), told.get(reason, Sum())) for reason in reasons]


def _sum(counts: Iterable[Count]) -> Count:
    each = list(counts)
    return Count(sum(count.count for count in each), sum(count.amount for count in each))
