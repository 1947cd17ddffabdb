"""A store that has traded: orders shipped, paid and returned, and withdrawals, as the service makes them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from front import Front

TRICKY = ("=1+1", "+86-10", "-5", "@cmd", "＝1+1", "订单\u3000龘", 'a"b,c', "O'Brien", "普通-1")
"""Orders' ids that a spreadsheet would take for formulas, that need quoting, and that are Chinese."""


async def trade(front: Front, store_id: str = "s1") -> None:
    """Open the store and let it trade for some days."""
    await front.open_store(store_id)
    await front.done(
        "PUT",
        f"/v1/stores/{store_id}/bank_accounts/b1",
        {"holder": "=张三\u3000商行", "number": "6222021234567890", "bank_code": "ICBC"},
    )
    for number, order_id in enumerate(TRICKY):
        made = await front.authorize(order_id, store_id=store_id, amount=12_345 + number)
        await front.done("POST", f"/v1/authorizations/{made['id']}/capture")
        if number % 3 == 1:
            await front.done(
                "POST", f"/v1/authorizations/{made['id']}/repayments", {"amount": 1_000 + number}
            )
        if number % 3 == 2:
            await front.done("POST", f"/v1/authorizations/{made['id']}/returns", {"amount": 2_001})
        front.clock.move_to(front.clock.now() + timedelta(hours=1, microseconds=1))
    for amount in (10_001, 700):
        asked = {"store_id": store_id, "amount": amount, "bank_account_id": "b1"}
        await front.done("POST", "/v1/withdrawals", asked)


def lines_of(content: bytes) -> list[list[str]]:
    """A CSV file's lines, its head first."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content[3:].decode(), newline="")))


def fen(text: str) -> int:
    """The minor units of decimal text of two places."""
    whole, point, fraction = text.partition(".")
    assert point and len(fraction) == 2, text
    return int(whole + fraction)
