"""What is sold: eight categories with their prices, seasons, returns and appetite for promotions."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Category:
    """A category of stores. `months` is the demand of each month, January first, in percent of the year's mean."""

    name: str
    share: int
    """Stores of this category per hundred."""
    price: int
    """Median order, fen."""
    return_bp: int
    """Shipped orders that come back."""
    promotion_percent: int
    """How far demand follows a promotion: 100 follows it fully, 0 not at all."""
    weekend_percent: int
    months: tuple[int, ...]
    nouns: tuple[str, ...]
    """What stores of this category are named after."""


CATEGORIES: Final = (
    Category(
        "clothing",
        26,
        18_900,
        1_050,
        110,
        118,
        (95, 60, 105, 110, 105, 95, 80, 85, 115, 120, 125, 105),
        ("衣橱", "裁缝铺", "针织", "女装", "布衣坊"),
    ),
    Category(
        "digital",
        12,
        129_900,
        420,
        125,
        95,
        (95, 75, 95, 90, 95, 115, 95, 110, 115, 95, 120, 100),
        ("数码", "电子", "影音", "手机配件", "智能家居"),
    ),
    Category(
        "food",
        14,
        7_900,
        150,
        70,
        105,
        (135, 95, 90, 90, 95, 95, 90, 90, 115, 95, 105, 105),
        ("食铺", "茶庄", "零食", "粮油", "海味"),
    ),
    Category(
        "beauty",
        14,
        22_900,
        460,
        135,
        110,
        (90, 85, 115, 95, 105, 110, 85, 90, 95, 100, 130, 100),
        ("美妆", "护肤", "香氛", "个护", "面膜"),
    ),
    Category(
        "home",
        13,
        34_900,
        560,
        105,
        112,
        (100, 65, 105, 105, 105, 105, 90, 95, 105, 110, 120, 95),
        ("家居", "家纺", "厨具", "灯饰", "收纳"),
    ),
    Category(
        "toys",
        8,
        15_900,
        640,
        95,
        125,
        (110, 90, 85, 90, 120, 125, 105, 95, 85, 90, 100, 105),
        ("玩具", "积木", "手办", "童趣", "桌游"),
    ),
    Category(
        "sports",
        8,
        26_900,
        720,
        100,
        115,
        (80, 65, 115, 120, 115, 110, 105, 100, 105, 100, 100, 85),
        ("运动", "户外", "骑行", "健身", "露营"),
    ),
    Category(
        "books",
        5,
        6_900,
        210,
        75,
        100,
        (90, 110, 100, 110, 90, 95, 85, 115, 125, 90, 100, 90),
        ("书店", "书屋", "文具", "绘本馆", "旧书"),
    ),
)
