"""The interface of reports: how withdrawals fared, as it was at the last refresh (C3, D4)."""

from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from houfu.http.caller import EVERYONE
from houfu.http.fields import Day, Nothing, StoreId, must_be_sensible
from houfu.http.problem import invalid
from houfu.http.reply import Reply, reply
from houfu.http.route import AnyRoute, Call, Route
from houfu.policy.book import PolicyBook
from houfu.statements import refreshing
from houfu.statements.period import DAYS_MAX
from houfu.statements.withdrawal_report import WithdrawalReport, withdrawal_report

DAYS_SHOWN: Final = 30
"""How many days are shown where nobody says how many."""


class WithdrawalReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one store or of all; of withdrawals asked from a local day to another, both included, at most 366 of them. Without
    days the last 30."""

    store_id: StoreId | None = None
    from_day: Day | None = None
    to_day: Day | None = None


async def report_withdrawals(call: Call[Nothing, WithdrawalReportQuery, Nothing]) -> Reply:
    """Tell how withdrawals fared; a merchant sees its own."""
    query, now = call.query, call.now()
    from_day, to_day = _days(query, today=now.astimezone(call.service.part(ZoneInfo)).date())
    store_id = call.own_store(query.store_id)
    currency = call.service.part(PolicyBook).at(now).terms.currency
    async with call.service.pool.acquire() as connection:
        as_of, days = await refreshing.read(
            connection, store_id, currency=currency, from_day=from_day, to_day=to_day
        )
    return reply(
        200,
        withdrawal_report(
            days,
            as_of=as_of,
            store_id=store_id,
            currency=currency,
            from_day=from_day,
            to_day=to_day,
            language=call.language,
        ),
    )


def _days(query: WithdrawalReportQuery, *, today: date) -> tuple[date, date]:
    for field, day in (("from_day", query.from_day), ("to_day", query.to_day)):
        if day is not None:
            must_be_sensible(field, day)
    to_day = query.to_day or max(today, query.from_day or today)
    from_day = query.from_day or to_day - timedelta(days=DAYS_SHOWN - 1)
    if from_day > to_day:
        raise invalid("to_day", "lies before from_day")
    if (to_day - from_day).days >= DAYS_MAX:
        raise invalid("from_day", f"lies more than {DAYS_MAX} days before the end of what is asked for")
    return from_day, to_day


def routes() -> list[AnyRoute]:
    """The routes of reports."""
    return [
        Route(
            method="GET",
            address="/v1/reports/withdrawals",
            operation="report_withdrawals",
            summary="How withdrawals fared: outcomes, punctuality and failures by share, refreshed every 5 minutes",
            tag="reports",
            roles=EVERYONE,
            path=Nothing,
            query=WithdrawalReportQuery,
            body=Nothing,
            answers={200: WithdrawalReport},
            handle=report_withdrawals,
        ),
    ]
