"""The stores of a simulated marketplace: who they are, how well they serve, and what will happen to them.

Everything is drawn once, from the seed, in whole numbers: the same seed and count make the same stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from houfu.bank.china import BANKS, PLACES, card_number, cnaps_code
from houfu.lab.categories import CATEGORIES, Category
from houfu.stores.facts import FactKind
from houfu.stores.store import PhoneKind

PAY_LATER_PERCENT: Final = 33
"""Of a store's orders, those the buyer pays later; the rest is paid at once and only shows in its metrics."""

_TEN_THOUSAND: Final = 10_000
_NEW_BP: Final = 800
"""Stores that open during the year."""
_VIRTUAL_BP: Final = 200
_BAD_RETURNS_BP: Final = 250
_CLOSED_ACCOUNT_BP: Final = 80
_BANKS: Final = tuple(BANKS)
_CITIES: Final = tuple(PLACES)

_PREFIXES: Final = (
    "小满", "青禾", "南山", "云上", "拾光", "老街", "海棠", "一木", "知更", "半夏", "北岸", "松果",
    "锦里", "白露", "三余", "鹿鸣", "初见", "长安", "江南", "山野", "晴川", "花间", "百川", "星河",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """How big a store is: the orders of a month it draws from, and its level."""

    share: int
    orders: tuple[int, int]
    levels: tuple[int, int]


_SIZES: Final = (
    Size(5_000, (4, 10), (1, 2)),
    Size(3_000, (8, 25), (1, 3)),
    Size(1_500, (25, 90), (2, 4)),
    Size(450, (90, 350), (4, 5)),
    Size(50, (350, 1_500), (5, 6)),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """A fact that befalls a store on a day of the run."""

    day: date
    kind: FactKind
    note: str


@dataclass(frozen=True, slots=True)
class Habits:
    """How a store takes its money out."""

    every_days: int
    on_day: int
    takes_percent: int
    careful: bool
    """Keeps within what breaks no rule; the others ask for what they please."""
    at_night: bool
    """Asks late in the evening, when withdrawals may be closed (D3)."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A store of the simulation. `orders_a_month` is all its trade, in a mean month; `quality` 0 to 100."""

    store_id: str
    name: str
    owner_id: str
    category: Category
    level: int
    opened_on: date
    phone_kind: PhoneKind
    orders_a_month: int
    quality: int
    return_bp: int
    price_percent: int
    habits: Habits
    account_number: str
    bank_code: str
    happenings: tuple[Happening, ...]


def found_shops(*, count: int, start: date, days: int, seed: int) -> tuple[Shop, ...]:
    """The stores of a marketplace whose run begins on `start`: those that are open, and those that will open."""
    random = Random(f"{seed}|shops")  # noqa: S311 (repeatable on purpose)
    categories = [category for category in CATEGORIES for _ in range(category.share)]
    sizes = [size for size in _SIZES for _ in range(size.share)]
    return tuple(_found(number, random, categories, sizes, start, days) for number in range(1, count + 1))


def draw_metrics(
    shop: Shop, month: date, *, orders: int, gmv: int, shipped: int, returned: int, random: Random
) -> dict[str, int]:
    """The month's metrics of a store: its pay-later trade as it was, with the trade that was paid at once.

    `orders`, `gmv`, `shipped` and `returned` (orders) are the pay-later part of the month.
    """
    mean = shop.orders_a_month * shop.category.months[month.month - 1]
    cash = _about(random, mean * (100 - PAY_LATER_PERCENT) // 10_000, percent=20)
    cash_gmv = cash * _about(random, shop.category.price * shop.price_percent // 100, percent=15)
    cash_returned = _about(random, cash * shop.return_bp // 100, percent=25)
    base = (shipped + cash) or 1
    return_rate_bp = min(_TEN_THOUSAND, (returned * _TEN_THOUSAND + cash_returned * 100) // base)
    quality = max(0, min(100, shop.quality + random.randrange(-12, 13)))
    return {
        "orders": orders + cash,
        "gmv": gmv + cash_gmv,
        "dsr_description": _dsr(random, quality),
        "dsr_service": _dsr(random, quality),
        "dsr_logistics": _dsr(random, quality),
        "return_rate_bp": return_rate_bp,
        "good_review_bp": min(_TEN_THOUSAND, 9_250 + quality * 7),
        "complaint_bp": max(0, 55 - quality * 6 // 10 + random.randrange(6)),
    }


def draw_past_metrics(shop: Shop, month: date, random: Random) -> dict[str, int]:
    """The metrics of a month before the run, as if the store had traded then as it does now."""
    mean = shop.orders_a_month * shop.category.months[month.month - 1]
    orders = _about(random, mean * PAY_LATER_PERCENT // 10_000, percent=20)
    gmv = orders * _about(random, shop.category.price * shop.price_percent // 100, percent=10)
    returned = _about(random, orders * shop.return_bp, percent=20) // _TEN_THOUSAND
    return draw_metrics(shop, month, orders=orders, gmv=gmv, shipped=orders, returned=returned, random=random)


def _found(
    number: int, random: Random, categories: Sequence[Category], sizes: Sequence[Size], start: date, days: int
) -> Shop:
    category, size = random.choice(categories), random.choice(sizes)
    quality = (random.randrange(101) + random.randrange(101)) // 2
    new = random.randrange(_TEN_THOUSAND) < _NEW_BP
    if new:
        size = _SIZES[0] if random.randrange(3) else _SIZES[1]
        opened_on = start + timedelta(days=random.randrange(max(1, days)))
    else:
        opened_on = start - timedelta(days=35 + random.randrange(1_460))
    return_bp = category.return_bp * (150 - quality) // 100
    if random.randrange(_TEN_THOUSAND) < _BAD_RETURNS_BP:
        return_bp = 1_700 + random.randrange(900)
    closed_account = random.randrange(_TEN_THOUSAND) < _CLOSED_ACCOUNT_BP
    return Shop(
        store_id=f"s{number:05d}",
        name=random.choice(_PREFIXES) + random.choice(category.nouns),
        owner_id=f"owner{number - (random.randrange(20) == 0):05d}",
        category=category,
        level=random.randint(*size.levels),
        opened_on=opened_on,
        phone_kind="virtual" if random.randrange(_TEN_THOUSAND) < _VIRTUAL_BP else "mobile",
        orders_a_month=random.randint(*size.orders),
        quality=quality,
        return_bp=return_bp,
        price_percent=70 + random.randrange(61),
        habits=_habits(random),
        # The bank of the simulation rejects numbers that end so.
        account_number=f"6222{number:011d}0000" if closed_account else card_number(number),
        bank_code=cnaps_code(random.choice(_BANKS), random.choice(_CITIES), random.randrange(_TEN_THOUSAND)),
        happenings=_happenings(random, max(opened_on, start), start + timedelta(days=days)),
    )


def _habits(random: Random) -> Habits:
    every_days = random.choice((7, 7, 7, 14, 14, 30))
    return Habits(
        every_days=every_days,
        on_day=random.randrange(every_days),
        takes_percent=random.choice((50, 70, 80, 90, 100)),
        careful=random.randrange(100) < 92,
        at_night=random.randrange(100) < 2,
    )


def _happenings(random: Random, first: date, end: date) -> tuple[Happening, ...]:
    span = (end - first).days

    def some_day() -> date:
        return first + timedelta(days=random.randrange(span))

    found: list[Happening] = []
    if span < 1:
        return ()
    if random.randrange(100) < 15:
        found.append(Happening(some_day(), "course_completed", "pay-later management"))
    if random.randrange(100) < 4:
        found.append(Happening(some_day(), "violation", "misleading title"))
    if random.randrange(1_000) < 3:
        found.append(Happening(some_day(), "serious_violation", "counterfeit goods"))
    if random.randrange(1_000) < 10:
        day = some_day()
        found.append(Happening(day, "high_risk_marked", "pattern of orders"))
        if random.randrange(10) < 7:
            cleared = day + timedelta(days=10 + random.randrange(20))
            found.append(Happening(cleared, "high_risk_cleared", "statements reviewed"))
    if random.randrange(1_000) < 12:
        day = some_day()
        found.append(Happening(day, "funds_frozen", "court order"))
        released = day + timedelta(days=7 + random.randrange(30))
        found.append(Happening(released, "funds_released", "order lifted"))
    return tuple(sorted((h for h in found if h.day < end), key=lambda h: (h.day, h.kind)))


def _about(random: Random, mean: int, *, percent: int) -> int:
    """A whole number within `percent` of `mean`, either way."""
    return mean * (100 - percent + random.randrange(2 * percent + 1)) // 100


def _dsr(random: Random, quality: int) -> int:
    return min(500, 428 + quality * 6 // 10 + random.randrange(-3, 4))
