"""Payouts as the service does them, over the simulated bank, for tests that have only a pool and a clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from houfu.bank.habits import Habits
from houfu.core.calendar import shipped_calendar
from houfu.core.clock import Clock
from houfu.core.ids import IdMaker
from houfu.db.tx import Connection
from houfu.iso20022.message import Statement
from houfu.payouts.opening import open_rails
from houfu.payouts.rails.config import RailsConfig
from houfu.payouts.reports import Desk
from houfu.payouts.settling import BankAnswer
from houfu.payouts.simulated import RAILS, habits_of
from houfu.payouts.work import Payouts, Rails
from houfu.policy.document import Policy
from houfu.reconciliation.actions import take_up_statement
from houfu.withdrawals.terms import withdrawal_terms


def desk_of(policy: Policy, ids: IdMaker) -> Desk:
    """Where reports are taken in, with reconciliation behind it."""

    async def take_up(
        connection: Connection, statement: Statement, *, rail: str, report_sha: bytes, now: datetime
    ) -> Sequence[BankAnswer]:
        taken = await take_up_statement(
            connection,
            statement,
            rail=rail,
            report_sha=report_sha,
            calendar=shipped_calendar(),
            ids=ids,
            now=now,
        )
        return taken.news

    return Desk(take_up, terms_at=lambda _: withdrawal_terms(policy.terms), ids=ids)


def payouts_of(
    pool: Any,
    clock: Clock,
    policy: Policy,
    *,
    habits: Habits | None = None,
    config: RailsConfig = RAILS,
    ids: IdMaker | None = None,
    rails: Rails | None = None,
) -> Payouts:
    """The worker's view of payouts."""
    ids = ids or IdMaker()
    opened = rails or open_rails(config, pool, clock=clock, habits=habits or habits_of(policy))
    return Payouts(
        pool, lambda: opened, desk_of(policy, ids), terms_at=lambda _: withdrawal_terms(policy.terms), ids=ids
    )
