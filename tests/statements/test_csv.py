"""CSV: exactly what is chosen (C5), to the fen, safe for a spreadsheet, for those who may see it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from front import NOW, Front
from statements.trade import TRICKY, fen, lines_of, trade

ENTRIES = "/v1/stores/s1/entries/export"


@pytest.fixture
async def traded(front: Front) -> Front:
    await trade(front)
    return front


async def file_of(front: Front, address: str, **how: str) -> list[list[str]]:
    response = await front.call("GET", address, **how)
    assert response.status_code == 200, response.text
    return lines_of(response.content)


async def balances(front: Front) -> dict[str, int]:
    async with front.service.pool.acquire() as connection:
        rows = await connection.fetch(
            """select b.account, case when c.type in ('asset', 'expense') then b.balance else -b.balance end as balance
               from balances b join chart_of_accounts c using (account) where b.store_id = 's1' and b.balance <> 0"""
        )
    return {row["account"]: row["balance"] for row in rows}


async def test_the_sums_of_an_export_are_the_balances_of_the_books(traded: Front) -> None:
    head, *rows = await file_of(traded, ENTRIES, headers={"accept-language": "en"})
    assert head[:8] == [
        "Journal", "Line", "Occurred", "Recorded", "What happened", "Account", "Amount", "Currency",
    ]  # fmt: skip
    async with traded.service.pool.acquire() as connection:
        names = dict(await connection.fetch("select name_en, account from chart_of_accounts"))
    sums: dict[str, int] = {}
    for row in rows:
        sums[names[row[5]]] = sums.get(names[row[5]], 0) + fen(row[6])
    assert {account: amount for account, amount in sums.items() if amount} == await balances(traded)


async def test_rows_are_those_of_the_list_in_the_order_in_which_things_occurred(traded: Front) -> None:
    _, *rows = await file_of(traded, ENTRIES)
    listed = []
    address = "/v1/stores/s1/entries?limit=7"
    while True:
        page = await traded.done("GET", address)
        listed += page["data"]
        if page["next_cursor"] is None:
            break
        address = f"/v1/stores/s1/entries?limit=7&cursor={page['next_cursor']}"
    expected = sorted(
        (entry["journal"], entry["line"], entry["amount"], entry["order_id"] or "", entry["subject"])
        for entry in listed
    )
    assert [
        (int(row[0]), int(row[1]), fen(row[6]), row[8].removeprefix("'"), row[9]) for row in rows
    ] == expected
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert rows[0][2] == "2026-03-02 09:00:00"  # local, though moments are kept in UTC


async def test_text_that_a_spreadsheet_would_take_for_a_formula_is_defused(traded: Front) -> None:
    _, *rows = await file_of(traded, ENTRIES)
    shown = {row[8] for row in rows if row[8]}
    assert shown == {f"'{order}" if order[0] in "=+-@＝" else order for order in TRICKY}
    _, *withdrawals = await file_of(traded, "/v1/withdrawals/export?store_id=s1")
    assert {row[11] for row in withdrawals} == {"'=张三\u3000商行"}
    assert {row[12] for row in withdrawals} == {"**** 7890"}


async def test_lines_end_as_rfc_4180_wants_and_headings_are_chinese_unless_asked_otherwise(
    traded: Front,
) -> None:
    response = await traded.call("GET", ENTRIES)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="houfu-entries-s1-2026-03-02.csv"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content.count(b"\n") == response.content.count(b"\r\n") == len(lines_of(response.content))
    assert lines_of(response.content)[0][4:7] == ["事项", "账户", "金额"]
    assert "发货垫付" in response.text


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ("account=store_balance", lambda e: e["account"] == "store_balance"),
        ("kind=capture", lambda e: e["kind"] == "capture"),
        ("order_id=%3D1%2B1", lambda e: e["order_id"] == "=1+1"),
        ("amount_min=12346&amount_max=12347", lambda e: 12_346 <= abs(e["amount"]) <= 12_347),
        ("journal_from=3&journal_to=5", lambda e: 3 <= e["journal"] <= 5),
        ("occurred_from=2026-03-02T11:00:00%2B08:00", lambda e: e["occurred_at"] >= "2026-03-02T03:00:00"),
        ("occurred_before=2026-03-02T11:00:00%2B08:00", lambda e: e["occurred_at"] < "2026-03-02T03:00:00"),
        ("from_day=2026-03-02&to_day=2026-03-02&kind=return", lambda e: e["kind"] == "return"),
        ("to_day=2026-03-01", lambda _: False),
        ("order_id=nobody", lambda _: False),
    ],
)
async def test_lists_and_files_choose_alike(traded: Front, asked: str, chosen: object) -> None:
    every = (await traded.done("GET", "/v1/stores/s1/entries?limit=200"))["data"]
    listed = (await traded.done("GET", f"/v1/stores/s1/entries?limit=200&{asked}"))["data"]
    assert listed == [entry for entry in every if chosen(entry)]
    _, *rows = await file_of(traded, f"{ENTRIES}?{asked}")
    assert {(int(row[0]), int(row[1])) for row in rows} == {(e["journal"], e["line"]) for e in listed}
    assert len(rows) == len(listed)


async def test_a_merchants_file_has_its_own_accounts_of_its_own_store(traded: Front) -> None:
    _, *rows = await file_of(traded, ENTRIES, caller="merchant", headers={"accept-language": "zh-CN"})
    assert {row[5] for row in rows} == {"店铺余额", "提现在途"}
    for address in (ENTRIES, "/v1/withdrawals/export?store_id=s1"):
        refused = await traded.call("GET", address, caller="stranger")
        assert (refused.status_code, refused.json()["code"]) == (403, "store_not_yours")
    assert (
        len(await file_of(traded, "/v1/withdrawals/export", caller="stranger")) == 1
    )  # the head, and nobody else's


async def test_an_export_covers_a_year_and_no_more(traded: Front) -> None:
    traded.clock.move_to(NOW + timedelta(days=365))
    assert len(await file_of(traded, ENTRIES)) > 10  # 366 local days, today among them
    traded.clock.move_to(NOW + timedelta(days=366))
    assert len(await file_of(traded, ENTRIES)) == 1
    for address in (f"{ENTRIES}?from_day=2026-03-02", "/v1/withdrawals/export?from_day=2026-03-02"):
        refused = await traded.call("GET", address)
        assert (refused.status_code, refused.json()["code"]) == (422, "input_invalid")
    assert len(await file_of(traded, f"{ENTRIES}?from_day=2026-03-02&to_day=2027-03-02")) > 10
    assert len(await file_of(traded, f"{ENTRIES}?order_id=-5")) > 1  # of one order, however old


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("from_day=2026-03-02&occurred_from=2026-03-02T00:00:00Z", "from_day"),
        ("from_day=2026-03-03&to_day=2026-03-02", "to_day"),
        ("occurred_from=2026-03-03T00:00:00Z&occurred_before=2026-03-03T00:00:00Z", "occurred_before"),
        ("amount_min=0", "amount_min"),
        ("amount_min=1.0", "amount_min"),
        ("journal_to=-1", "journal_to"),
        ("kind=Capture", "kind"),
        ("format=xls", "format"),
        ("to_day=1999-01-01", "to_day"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field(traded: Front, asked: str, field: str) -> None:
    refused = await traded.call("GET", f"{ENTRIES}?{asked}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field


async def test_withdrawals_are_exported_as_they_stand_refused_ones_too(traded: Front) -> None:
    await traded.done(
        "POST", "/v1/withdrawals", {"store_id": "s1", "amount": 9_000_000, "bank_account_id": "b1"}
    )
    listed = (await traded.done("GET", "/v1/withdrawals?store_id=s1"))["data"]
    _, *rows = await file_of(traded, "/v1/withdrawals/export?store_id=s1", headers={"accept-language": "en"})
    assert [(row[1], fen(row[4]), row[3].lower()) for row in rows] == [
        (view["id"], view["amount"], view["status"].replace("_", " ")) for view in reversed(listed)
    ]
    assert rows[-1][16] == listed[0]["message"] or rows[-1][16]
    assert sum(fen(row[4]) for row in rows[:-1]) == 10_701


@pytest.mark.parametrize(
    ("asked", "amounts"),
    [
        ("", [10_001, 700]),
        ("amount_min=701", [10_001]),
        ("amount_max=700", [700]),
        ("from_day=2026-03-02&to_day=2026-03-02", [10_001, 700]),
        ("to_day=2026-03-01", []),
        ("asked_from=2026-03-02T18:00:00%2B08:00", [10_001, 700]),
        ("asked_from=2026-03-03T00:00:00%2B08:00", []),
        ("status=scheduled&amount_min=700", [10_001, 700]),
        ("status=paid", []),
    ],
)
async def test_withdrawals_are_chosen_alike_in_lists_and_files(
    traded: Front, asked: str, amounts: list[int]
) -> None:
    listed = (await traded.done("GET", f"/v1/withdrawals?store_id=s1&{asked}"))["data"]
    assert [view["amount"] for view in reversed(listed)] == amounts
    assert (await traded.done("GET", f"/v1/withdrawals?{asked}"))["data"] == listed
    _, *rows = await file_of(traded, f"/v1/withdrawals/export?store_id=s1&{asked}")
    assert [fen(row[4]) for row in rows] == amounts
