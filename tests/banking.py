"""Payouts as the service does them, over the simulated bank, for tests that have only a pool and a clock."""

from __future__ import annotations

from typing import Any

from houfu.app import SINCE_EVER
from houfu.bank.habits import Habits
from houfu.core.calendar import shipped_calendar
from houfu.core.clock import Clock
from houfu.core.ids import IdMaker
from houfu.payouts.opening import open_rails
from houfu.payouts.rails.config import RailsConfig
from houfu.payouts.simulated import RAILS, habits_of
from houfu.payouts.work import Payouts, Rails
from houfu.policy.book import PolicyBook, Published
from houfu.policy.document import Policy
from houfu.reconciliation.desk import desk_of
from houfu.withdrawals.terms import withdrawal_terms


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
        pool,
        lambda: opened,
        desk_of(lambda: PolicyBook([Published(policy, SINCE_EVER)]), shipped_calendar, ids),
        terms_at=lambda _: withdrawal_terms(policy.terms),
        ids=ids,
    )
