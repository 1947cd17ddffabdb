"""Monthly statements: opening + in - out = closing, to the fen, and every line leads to its entries (C5)."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pypdf
import pytest

from front import NOW, STORE, Front
from houfu.ledger import actions as ledger
from houfu.statements.closing import store_month
from houfu.statements.month import begins_at, money, month_after, month_at
from ledger.books import write
from statements.trade import trade

SHANGHAI = ZoneInfo("Asia/Shanghai")
ACCOUNTS = {"balance": "store_balance", "liability": "store_liability", "in_transit": "payout_clearing"}


@pytest.fixture
async def traded(front: Front) -> Front:
    """Trade in March and in May; it is June."""
    await trade(front)
    front.clock.move_to(datetime(2026, 5, 4, 10, 0, tzinfo=SHANGHAI))
    for number in range(4):
        made = await front.authorize(f"may-{number}", amount=7_001)
        await front.done("POST", f"/v1/authorizations/{made['id']}/capture", {"amount": 5_000})
        await front.done("POST", f"/v1/authorizations/{made['id']}/returns", {"amount": 1_000 + number})
    asked = {"store_id": "s1", "amount": 60_000, "bank_account_id": "b1"}
    taken_back = (await front.done("POST", "/v1/withdrawals", asked))["id"]
    await front.done("POST", f"/v1/withdrawals/{taken_back}/cancel")
    front.clock.move_to(datetime(2026, 6, 10, 10, 0, tzinfo=SHANGHAI))
    return front


async def statement(front: Front, month: str, **how: Any) -> dict[str, Any]:
    return await front.done("GET", f"/v1/stores/s1/statements/{month}", **how)


async def test_a_store_has_a_statement_of_every_month_since_its_first_entry(traded: Front) -> None:
    months = (await traded.done("GET", "/v1/stores/s1/statements"))["data"]
    assert [(month["month"], month["final"]) for month in months] == [
        ("2026-06", False), ("2026-05", True), ("2026-04", True), ("2026-03", True),
    ]  # fmt: skip
    for month in months:
        assert (await traded.done("GET", month["statement"]))["month"] == month["month"]
    for month in ("2026-02", "2026-07"):
        missing = await traded.call("GET", f"/v1/stores/s1/statements/{month}")
        assert (missing.status_code, missing.json()["code"]) == (404, "statement_unknown")
    await traded.done("PUT", "/v1/stores/s2", STORE)
    assert (await traded.done("GET", "/v1/stores/s2/statements"))["data"] == []


async def test_opening_and_closing_are_what_the_books_showed_at_those_moments(traded: Front) -> None:
    before: dict[str, Any] | None = None
    for month in ("2026-03", "2026-04", "2026-05", "2026-06"):
        told = await statement(traded, month)
        end = begins_at(month_after(date.fromisoformat(f"{month}-01")), SHANGHAI)
        async with traded.service.pool.acquire() as connection:
            books = await ledger.balances(connection, "s1", recorded_by=end - timedelta(microseconds=1))
            hashes = dict(await connection.fetch("select seq, hash from journals where store_id = 's1'"))
        for name, account in ACCOUNTS.items():
            side = told[name]
            sign = 1 if account == "store_liability" else -1
            assert side["closing"] == sign * books.get(account, 0), (month, account)
            assert side["opening"] + side["inflow"] - side["outflow"] == side["closing"]
            assert side["inflow"] == sum(line["inflow"] for line in side["lines"])
            assert side["outflow"] == sum(line["outflow"] for line in side["lines"])
            if before is not None:
                assert side["opening"] == before[name]["closing"]
        assert told["first_journal"] == (1 if before is None else before["last_journal"] + 1)
        assert told["head"] == hashes[told["last_journal"]].hex()
        before = told
    assert before is not None
    assert before["last_journal"] == max(hashes)


async def test_every_line_leads_to_entries_that_come_to_it_and_name_their_orders(traded: Front) -> None:
    for month in ("2026-03", "2026-05"):
        told = await statement(traded, month)
        for name in ACCOUNTS:
            lines = told[name]["lines"]
            for address in {line["entries"] for line in lines}:
                entries = (await traded.done("GET", f"{address}&limit=200"))["data"]
                of_it = [line for line in lines if line["entries"] == address]
                assert sum(line["inflow"] - line["outflow"] for line in of_it) == sum(
                    entry["amount"] for entry in entries
                )
                assert (
                    max(line["count"] for line in of_it)
                    <= len(entries)
                    <= sum(line["count"] for line in of_it)
                )
                for entry in entries:
                    assert (entry["order_id"] is None) == entry["subject"].startswith("wd_")


async def test_a_withdrawal_is_told_by_what_was_paid_out_and_what_it_cost(traded: Front) -> None:
    lines = (await statement(traded, "2026-05", headers={"accept-language": "en"}))["balance"]["lines"]
    told = {(line["name"], line["part"]): (line["inflow"], line["outflow"]) for line in lines}
    fee = 360  # 0.6% of 600.00
    assert told["Withdrawal", "fee_income"] == (0, fee)
    assert told["Withdrawal", "payout_clearing"] == (0, 60_000 - fee)
    assert told["Withdrawal canceled", "fee_income"] == (fee, 0)
    assert told["Withdrawal canceled", "payout_clearing"] == (60_000 - fee, 0)
    assert told["Return of goods", None] == (0, 4_006)


async def test_a_month_that_is_over_never_changes_and_what_comes_late_belongs_to_the_next(
    traded: Front,
) -> None:
    may, june = await statement(traded, "2026-05"), await statement(traded, "2026-06")
    assert (may["final"], june["final"]) == (True, False)
    async with traded.service.pool.acquire() as connection:
        # Another process wrote it with May's time, and committed it after the month was closed.
        await write(
            connection,
            "s1",
            [(("buyer_receivable", 77), ("store_balance", -77))],
            occurred_at=datetime(2026, 5, 31, 15, 59, tzinfo=UTC),
            recorded_at=datetime(2026, 5, 31, 15, 59, tzinfo=UTC),
        )
    assert await statement(traded, "2026-05") == may
    after = await statement(traded, "2026-06")
    assert after["balance"]["closing"] == june["balance"]["closing"] + 77
    assert after["balance"]["opening"] == may["balance"]["closing"]


async def test_months_closed_by_many_at_once_are_closed_once(traded: Front) -> None:
    async def ask() -> Any:
        async with traded.service.pool.acquire() as connection:
            return await store_month(
                connection, "s1", date(2026, 5, 1), now=traded.clock.now(), zone=SHANGHAI
            )

    told = await asyncio.gather(*(ask() for _ in range(8)))
    assert all(month == told[0] for month in told)
    async with traded.service.pool.acquire() as connection:
        assert await connection.fetchval("select count(*) from store_months") == 3


async def test_a_statement_is_also_pages(traded: Front) -> None:
    told = await statement(traded, "2026-03")
    response = await traded.call("GET", "/v1/stores/s1/statements/2026-03?format=pdf", caller="merchant")
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-disposition"] == 'attachment; filename="houfu-statement-s1-2026-03.pdf"'
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(response.content)).pages)
    assert "月结单 s1 2026-03" in " ".join(text.split())
    for name in ("期初余额", "期末余额", "店铺余额", "提现在途", "发货垫付"):
        assert name in text
    assert money(told["balance"]["closing"]) in text.replace(",", "")


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2026, 2, 28, 16, 0, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
        (NOW, date(2026, 3, 1)),
    ],
)
def test_months_are_local_to_the_programme(moment: datetime, month: date) -> None:
    assert month_at(moment, SHANGHAI) == month
    assert begins_at(month, SHANGHAI) <= moment < begins_at(month_after(month), SHANGHAI)


@pytest.mark.parametrize(("amount", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-12_345, "-123.45")])
def test_money_is_told_exactly(amount: int, text: str) -> None:
    assert money(amount) == text
