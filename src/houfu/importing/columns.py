"""The columns an import file may have, and how the text of a cell is read. Nothing is guessed.

A cell is text, as in a CSV; of a Parquet file the typed columns are turned into the same text first. Integers are
digits: `12.0`, `1e3`, `1,000` and ` 12` are refused. An empty cell is no value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal, TypeAlias

from houfu.core.ids import STORE_ID
from houfu.core.money import DEFAULT_CURRENCY, MAX_AMOUNT

Kind = Literal["stores", "metrics", "orders"]
Value: TypeAlias = str | int | date | datetime | None

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MONTH: Final = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_YEARS: Final = range(2000, 3000)


class Unreadable(ValueError):
    """A cell that is not what its column wants; the message says what it must be."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column by name. `whole` holds integers alone; an optional one may be absent or have empty cells."""

    name: str
    read: Callable[[str], Value]
    whole: bool = False
    optional: bool = False
    fallback: Value = None


def _text(most: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if not 1 <= len(cell) <= most or _CONTROL.search(cell):
            raise Unreadable(f"must be 1 to {most} printable characters")
        return cell

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(cell: str) -> int:
        if not _INTEGER.fullmatch(cell):
            raise Unreadable("must be a whole number, in digits alone")
        if not least <= int(cell) <= most:
            raise Unreadable(f"must lie between {least} and {most}")
        return int(cell)

    return read


def _store_id(cell: str) -> str:
    if not STORE_ID.fullmatch(cell):
        raise Unreadable("must be 1 to 64 letters, digits, _ . or -, the first a letter or digit")
    return cell


def _phone_kind(cell: str) -> str:
    if cell not in ("mobile", "virtual"):
        raise Unreadable("must be mobile or virtual")
    return cell


def _currency(cell: str) -> str:
    if not _CURRENCY.fullmatch(cell):
        raise Unreadable("must be three capital letters, as CNY")
    return cell


def _day(cell: str) -> date:
    try:
        day = date.fromisoformat(cell) if _DAY.fullmatch(cell) else None
    except ValueError:
        day = None
    if day is None:
        raise Unreadable("must be a date, as 2026-02-28")
    if day.year not in _YEARS:
        raise Unreadable("must lie in the years 2000 to 2999")
    return day


def _month(cell: str) -> date:
    if not _MONTH.fullmatch(cell):
        raise Unreadable("must be a month, as 2026-02")
    return date(int(cell[:4]), int(cell[5:]), 1)


def _moment(cell: str) -> datetime:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise Unreadable("must be a moment with its offset, as 2026-02-28T09:30:00+08:00") from None
    if moment.tzinfo is None:
        raise Unreadable("must name its offset, as in 2026-02-28T09:30:00+08:00")
    if moment.year not in _YEARS:
        raise Unreadable("must lie in the years 2000 to 2999")
    return moment.astimezone(UTC)


_STORE: Final = Column("store_id", _store_id)
_SCORE: Final = _whole(0, 500)
_SHARE: Final = _whole(0, 10_000)
_AMOUNT: Final = _whole(1, MAX_AMOUNT)
_PART: Final = _whole(0, MAX_AMOUNT)

COLUMNS: Final[Mapping[Kind, tuple[Column, ...]]] = {
    "stores": (
        _STORE,
        Column("name", _text(200)),
        Column("owner_id", _text(64)),
        Column("level", _whole(1, 100), whole=True),
        Column("opened_on", _day),
        Column("phone_kind", _phone_kind),
        Column("category", _text(64)),
    ),
    "metrics": (
        _STORE,
        Column("month", _month),
        Column("orders", _PART, whole=True),
        Column("gmv", _PART, whole=True),
        Column("dsr_description", _SCORE, whole=True),
        Column("dsr_service", _SCORE, whole=True),
        Column("dsr_logistics", _SCORE, whole=True),
        Column("return_rate_bp", _SHARE, whole=True),
        Column("good_review_bp", _SHARE, whole=True),
        Column("complaint_bp", _SHARE, whole=True),
    ),
    "orders": (
        _STORE,
        Column("order_id", _text(64)),
        Column("buyer_id", _text(64)),
        Column("amount", _AMOUNT, whole=True),
        Column("ordered_at", _moment),
        Column("currency", _currency, optional=True, fallback=DEFAULT_CURRENCY),
        Column("shipped_amount", _PART, whole=True, optional=True, fallback=0),
        Column("repaid_amount", _PART, whole=True, optional=True, fallback=0),
        Column("returned_amount", _PART, whole=True, optional=True, fallback=0),
    ),
}
"""Columns by kind of file, as the fields of the interface."""
