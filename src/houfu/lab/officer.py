"""The risk officer of a simulated marketplace: decides the reviews of stores that broke a rule (D10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from asyncpg import Pool, Record

from houfu.core.calendar import shipped_calendar
from houfu.core.ids import IdMaker
from houfu.lab.tally import Tally
from houfu.policy.book import PolicyBook
from houfu.withdrawals.review import Outcome, Review
from houfu.withdrawals.reviews import decide, reviews

_AUTHOR: Final = "operator:risk officer"
_CLEARED_PERCENT: Final = 85
_DAYS_MAX: Final = 3
_REVIEWS_MAX: Final = 10_000
"""More than are ever open at once."""
_NOTES: Final = {
    "cleared": "近三个月银行流水已核对,无异常",
    "upheld": "未提交材料,或流水与经营情况不符",
}


class RiskOfficer:
    """Decides each review one to three working days after it opened; most stores are cleared."""

    def __init__(
        self,
        pool: Pool[Record],
        book: Callable[[], PolicyBook],
        ids: IdMaker,
        *,
        seed: int,
        zone: ZoneInfo,
        tally: Tally,
    ) -> None:
        self._pool = pool
        self._book = book
        self._ids = ids
        self._seed = seed
        self._zone = zone
        self._tally = tally

    async def morning(self, day: date, *, now: datetime) -> None:
        """Decide what was looked into by this day, the longest open first."""
        async with self._pool.acquire() as connection:
            found = await reviews(connection, store_id=None, status="open", before=None, limit=_REVIEWS_MAX)
            for review in reversed(found):
                decided_on, outcome = self._fate(review, now)
                if decided_on > day:
                    continue
                await decide(
                    connection,
                    review.store_id,
                    review.id,
                    outcome,
                    note=_NOTES[outcome],
                    author=_AUTHOR,
                    book=self._book(),
                    ids=self._ids,
                    now=now,
                )
                self._tally.reviews_decided[outcome] = self._tally.reviews_decided.get(outcome, 0) + 1

    def _fate(self, review: Review, now: datetime) -> tuple[date, Outcome]:
        """When the review is decided and how: drawn from the seed and the review alone, whenever it is asked."""
        opened_on = review.opened_at.astimezone(self._zone).date()
        random = Random(f"{self._seed}|review|{review.store_id}|{review.rule}|{opened_on}")  # noqa: S311 (repeatable on purpose)
        calendar = shipped_calendar(self._book().at(now).terms.calendar)
        decided_on = calendar.add_working_days(opened_on, 1 + random.randrange(_DAYS_MAX))
        return decided_on, "cleared" if random.randrange(100) < _CLEARED_PERCENT else "upheld"
