"""Checked rows: what an import would load, or every fault that stands against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from houfu.importing.columns import COLUMNS, Kind, Unreadable, Value
from houfu.importing.fault import Faults
from houfu.importing.reading import Row
from houfu.stores.store import Store


class MonthOfStore(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of metrics."""

    store_id: str
    month: date
    orders: int
    gmv: int
    dsr_description: int
    dsr_service: int
    dsr_logistics: int
    return_rate_bp: int
    good_review_bp: int
    complaint_bp: int


class PastOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of orders: what was asked for, and what of it was shipped, paid by the buyer and returned. Fen."""

    store_id: str
    order_id: str
    buyer_id: str
    amount: int
    ordered_at: datetime
    currency: str
    shipped_amount: int
    repaid_amount: int
    returned_amount: int
    line: int


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the files hold, row by row."""

    stores: list[Store]
    metrics: list[MonthOfStore]
    orders: list[PastOrder]


def check_stores(file: str, rows: Iterable[Row], faults: Faults, *, today: date) -> list[Store]:
    """The stores of a file; a store that is named twice is at fault."""

    def judge(values: dict[str, Any]) -> tuple[str, str] | None:
        if values["opened_on"] > today:
            return "opened_on", f"must not lie ahead of {today}"
        return None

    return [Store(**values) for _, values in _checked("stores", file, rows, faults, ("store_id",), judge)]


def check_metrics(
    file: str, rows: Iterable[Row], faults: Faults, *, known: Callable[[str], bool], today: date
) -> list[MonthOfStore]:
    """The months of a file: of known stores, over, and named once."""

    def judge(values: dict[str, Any]) -> tuple[str, str] | None:
        if not known(values["store_id"]):
            return "store_id", "is no store that is known or in the file of stores"
        if values["month"] >= today.replace(day=1):
            return "month", "is not over: only full months count"
        return None

    keys = ("store_id", "month")
    return [MonthOfStore(**values) for _, values in _checked("metrics", file, rows, faults, keys, judge)]


def check_orders(
    file: str,
    rows: Iterable[Row],
    faults: Faults,
    *,
    known: Callable[[str], bool],
    currency: str,
    now: datetime,
) -> list[PastOrder]:
    """The orders of a file, oldest first: of known stores, with amounts that fit each other, and named once."""

    def judge(values: dict[str, Any]) -> tuple[str, str] | None:
        if not known(values["store_id"]):
            return "store_id", "is no store that is known or in the file of stores"
        if values["ordered_at"] > now:
            return "ordered_at", f"must not lie ahead of {now.isoformat()}"
        if values["currency"] != currency:
            return "currency", f"must be the programme's own, {currency}"
        if values["shipped_amount"] > values["amount"]:
            return "shipped_amount", "must not be more than amount"
        for part in ("repaid_amount", "returned_amount"):
            if values[part] > values["shipped_amount"]:
                return part, "must not be more than shipped_amount"
        return None

    keys = ("store_id", "order_id")
    checked = _checked("orders", file, rows, faults, keys, judge)
    orders = [PastOrder(**values, line=line) for line, values in checked]
    orders.sort(key=lambda order: (order.ordered_at, order.line))
    return orders


def _checked(
    kind: Kind,
    file: str,
    rows: Iterable[Row],
    faults: Faults,
    keys: Sequence[str],
    judge: Callable[[dict[str, Any]], tuple[str, str] | None],
) -> Iterable[tuple[int, dict[str, Any]]]:
    """The rows without fault, with their lines; all faults of a row are told, not only the first."""
    seen: dict[tuple[Value, ...], int] = {}
    for line, cells in rows:
        values, wrong = _values(kind, cells)
        for column, reason in wrong.items():
            faults.add(file, line, column, reason)
        if wrong:
            continue
        if (verdict := judge(values)) is not None:
            faults.add(file, line, *verdict)
            continue
        key = tuple(values[name] for name in keys)
        if (first := seen.setdefault(key, line)) != line:
            faults.add(file, line, keys[-1], f"repeats line {first}")
            continue
        yield line, values


def _values(kind: Kind, cells: Sequence[str]) -> tuple[dict[str, Any], Mapping[str, str]]:
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for column, cell in zip(COLUMNS[kind], cells, strict=True):
        if cell == "" and column.optional:
            values[column.name] = column.fallback
            continue
        try:
            values[column.name] = column.read(cell)
        except Unreadable as unreadable:
            wrong[column.name] = str(unreadable) if cell else "must not be empty"
    return values, wrong
