"""How many orders a day brings: months, weekdays, the Spring Festival, 6.18 and 11.11. Whole numbers only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from types import MappingProxyType
from typing import Final

from houfu.lab.categories import CATEGORIES, Category

DAYS_A_YEAR: Final = 365
PARTS: Final = 1_000_000
"""Demand is counted in millionths of an order, so that a small store's is not lost to rounding."""

_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Surge:
    """Days of every year with more demand or less, both included, in percent of an ordinary day."""

    first: tuple[int, int]
    last: tuple[int, int]
    percent: int


SURGES: Final = (
    Surge((2, 12), (2, 14), 70),
    Surge((2, 15), (2, 21), 35),  # the Spring Festival of 2026: couriers rest
    Surge((3, 5), (3, 8), 150),
    Surge((6, 1), (6, 3), 170),
    Surge((6, 4), (6, 15), 125),
    Surge((6, 16), (6, 17), 260),
    Surge((6, 18), (6, 18), 480),
    Surge((6, 19), (6, 20), 150),
    Surge((10, 24), (10, 30), 120),
    Surge((10, 31), (11, 3), 260),
    Surge((11, 4), (11, 9), 140),
    Surge((11, 10), (11, 10), 280),
    Surge((11, 11), (11, 11), 650),
    Surge((11, 12), (11, 13), 130),
    Surge((11, 14), (11, 20), 75),  # what was bought early is not bought now
    Surge((12, 10), (12, 12), 190),
)

SLOT_PERCENT: Final = MappingProxyType({10: 26, 15: 32, 21: 42})
"""The hours at which a day's orders arrive, and their part of the day."""


def day_parts(category: Category, day: date) -> int:
    """Demand of a category on `day`, in millionths of an ordinary day."""
    surge = next((s.percent for s in SURGES if s.first <= (day.month, day.day) <= s.last), 100)
    followed = 100 + (surge - 100) * (category.promotion_percent if surge > 100 else 100) // 100
    week = category.weekend_percent if day.weekday() >= _SATURDAY else 100
    return category.months[day.month - 1] * followed * week // 100


class Demand:
    """The orders a marketplace is asked for, by category, day and hour.

    `orders_a_year` is what a year from `start` brings in all, give or take the noise of a day.
    """

    def __init__(
        self, *, start: date, orders_a_year: int, weights: Mapping[str, int], random: Random
    ) -> None:
        self._random = random
        self._weights = weights
        days = [start + timedelta(days=offset) for offset in range(DAYS_A_YEAR)]
        whole = sum(
            day_parts(category, day) * weights.get(category.name, 0)
            for category in CATEGORIES
            for day in days
        )
        self._scale = orders_a_year * PARTS
        self._whole = max(1, whole)

    def orders(self, category: Category, day: date, hour: int) -> int:
        """How many orders of the category arrive in the slot of `hour` on `day`."""
        share = day_parts(category, day) * self._weights.get(category.name, 0) * SLOT_PERCENT[hour]
        expected = self._scale * share // (self._whole * 100)
        return draw_count(self._random, expected)


def draw_count(random: Random, expected: int) -> int:
    """A whole number whose mean is `expected` millionths, within about 30% either way."""
    spread = 700_000 + random.randrange(600_001)
    whole, rest = divmod(expected * spread // PARTS, PARTS)
    return whole + (random.randrange(PARTS) < rest)
