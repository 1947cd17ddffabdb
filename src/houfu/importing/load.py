"""An import from files to books: read, check everything, then load; or every fault and nothing loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from houfu.core.ids import IdMaker
from houfu.db.tx import Connection
from houfu.importing.actions import Loaded, known_stores, load_stores
from houfu.importing.fault import Faults
from houfu.importing.orders import LoadedOrders, load_orders
from houfu.importing.reading import file_sha, read_rows
from houfu.importing.rows import Checked, check_metrics, check_orders, check_stores
from houfu.lines.lanes import Lanes
from houfu.policy.book import PolicyBook
from houfu.policy.document import Policy
from houfu.policy.periods import local_day

AUTHOR = "import"


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The files of an import; None where a kind is not imported."""

    stores: Path | None = None
    metrics: Path | None = None
    orders: Path | None = None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import came to: the rows that were read, and what they did. `loaded` is false after a mere check."""

    loaded: bool
    stores_read: int
    metrics_read: int
    orders_read: int
    stores: Loaded | None = None
    orders: LoadedOrders | None = None


async def check_files(
    connection: Connection, files: Files, *, policy: Policy, now: datetime
) -> tuple[Checked, Faults]:
    """Read and check every row of every file. Load only what comes without faults."""
    faults = Faults()
    today = local_day(now, policy.zone)
    ids = await known_stores(connection)
    checked = Checked(stores=[], metrics=[], orders=[])
    if files.stores is not None:
        rows = read_rows(files.stores, "stores", faults)
        checked.stores.extend(check_stores(str(files.stores), rows, faults, today=today))
        ids.update(store.store_id for store in checked.stores)
    if files.metrics is not None:
        rows = read_rows(files.metrics, "metrics", faults)
        checked.metrics.extend(
            check_metrics(str(files.metrics), rows, faults, known=ids.__contains__, today=today)
        )
    if files.orders is not None:
        rows = read_rows(files.orders, "orders", faults)
        checked.orders.extend(
            check_orders(
                str(files.orders),
                rows,
                faults,
                known=ids.__contains__,
                currency=policy.terms.currency,
                now=now,
            )
        )
    return checked, faults


async def load_checked(
    connection: Connection,
    lanes: Lanes,
    files: Files,
    checked: Checked,
    *,
    book: PolicyBook,
    ids: IdMaker,
    now: datetime,
    on_progress: Callable[[int, int], None],
) -> Imported:
    """Load what was checked: stores and metrics in one transaction, then the orders, which may be resumed."""
    stores: Loaded | None = None
    orders: LoadedOrders | None = None
    if files.stores is not None or files.metrics is not None:
        stores = await load_stores(
            connection, checked.stores, checked.metrics, book=book, author=AUTHOR, ids=ids, now=now
        )
    if files.orders is not None:
        orders = await load_orders(
            lanes,
            checked.orders,
            sha=file_sha(files.orders),
            author=AUTHOR,
            on_progress=on_progress,
        )
    return Imported(
        loaded=True,
        stores_read=len(checked.stores),
        metrics_read=len(checked.metrics),
        orders_read=len(checked.orders),
        stores=stores,
        orders=orders,
    )
