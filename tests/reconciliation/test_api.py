"""Statements, proofs and breaks by HTTP, with real withdrawals that a real batch carried."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest

from front import NOW, Front, open_front
from houfu.core.calendar import shipped_calendar
from houfu.db.keys import create_key
from houfu.db.tx import Connection
from houfu.iso20022.message import Entry
from houfu.ledger.verify import INVARIANTS as OF_LEDGER
from houfu.ledger.verify import verify
from houfu.lines.invariants import INVARIANTS as OF_LINES
from houfu.reconciliation.actions import take_up_statement
from houfu.reconciliation.invariants import INVARIANTS as OF_RECONCILIATION
from houfu.withdrawals.invariants import INVARIANTS as OF_WITHDRAWALS
from reconciliation.programme import line, statement

DAY = NOW.date() + timedelta(days=1)
BANK_ACCOUNT = {"holder": "小店", "number": "6222021234567890", "bank_code": "ICBC"}


@dataclass
class Treasury:
    """The service with a withdrawal on its way, and two operators."""

    front: Front
    withdrawal: dict[str, Any]

    async def get(self, address: str) -> dict[str, Any]:
        return await self.front.done("GET", address, caller="readonly")

    async def post(self, address: str, body: object = None, *, caller: str = "operator") -> dict[str, Any]:
        return await self.front.done("POST", address, body or {}, caller=caller, key=None)

    async def refused(
        self, address: str, body: object = None, *, caller: str = "operator"
    ) -> tuple[int, str]:
        answer = await self.front.call("POST", address, body or {}, caller=caller)
        return answer.status_code, answer.json()["code"]

    async def take_up(self, *lines: Entry, day: date = DAY) -> None:
        service = self.front.service
        async with service.pool.acquire() as connection, connection.transaction():
            await take_up_statement(
                connection,
                statement(*lines, day=day),
                rail="simulated",
                report_sha=sha256(b"").digest(),
                calendar=shipped_calendar(),
                ids=service.ids,
                now=service.clock.now(),
            )


@pytest.fixture
async def treasury(database: str) -> AsyncGenerator[Treasury]:
    async with open_front(database) as front:
        async with front.service.pool.acquire() as connection:
            key = await create_key(connection, role="operator", store_id=None, name="second", now=NOW)
        front.keys["second"] = key.key
        await front.open_store()
        await front.done("PUT", "/v1/stores/s1/bank_accounts/b1", BANK_ACCOUNT)
        order = (await front.authorize())["id"]
        await front.done("POST", f"/v1/authorizations/{order}/capture", {"amount": 10_000})
        asked = {"store_id": "s1", "amount": 2_000, "bank_account_id": "b1"}
        withdrawal = await front.done("POST", "/v1/withdrawals", asked)
        assert withdrawal["status"] == "scheduled", withdrawal
        await front.done("POST", "/v1/payout_batches", {}, caller="operator", key=None)
        yield Treasury(front, withdrawal)

        @asynccontextmanager
        async def acquire() -> AsyncGenerator[Connection]:
            async with front.service.pool.acquire() as connection:
                yield connection

        every = {**OF_LEDGER, **OF_LINES, **OF_WITHDRAWALS, **OF_RECONCILIATION}
        assert (await verify(acquire, every, connections=1)).first_break is None


async def test_a_break_is_matched_by_hand_and_the_withdrawal_is_paid(treasury: Treasury) -> None:
    await treasury.take_up(line(amount=treasury.withdrawal["net"], on=DAY, name="小店"))
    address = f"/v1/bank_statements/simulated/{DAY}"
    proof = await treasury.get(address)
    assert (proof["proven"], proof["unmatched"], proof["open_breaks"]) == (False, 1, 1)
    ((one,),) = [(await treasury.get(f"/v1/breaks?status=open&day={DAY}&rail=simulated"))["data"]]
    assert (one["kind"], one["suggested_withdrawal_id"]) == ("line_without_payout", treasury.withdrawal["id"])

    at = f"/v1/breaks/{one['id']}"
    body = {"reason": "matched_by_hand", "withdrawal_id": treasury.withdrawal["id"], "note": "电话确认"}
    assert (await treasury.post(f"{at}/propose", body))["status"] == "proposed"
    assert await treasury.refused(f"{at}/propose", body) == (409, "break_status_unfit")
    assert await treasury.refused(f"{at}/close") == (409, "break_own_proposal")
    assert (await treasury.post(f"{at}/decline", {"note": "wait"}, caller="second"))["status"] == "open"
    await treasury.post(f"{at}/propose", body)
    closed = await treasury.post(f"{at}/close", caller="second")
    assert (closed["status"], closed["proposed_by"], closed["closed_by"]) == (
        "closed",
        "operator:operator",
        "operator:second",
    )
    moves = (await treasury.get(at))["moves"]
    assert [move["move"] for move in moves] == ["proposed", "declined", "proposed", "closed"]

    paid = await treasury.get(f"/v1/withdrawals/{treasury.withdrawal['id']}")
    assert paid["status"] == "paid"
    assert (await treasury.get(address))["proven"]
    (shown,) = (await treasury.get(f"{address}/lines?match=matched"))["data"]
    assert (shown["withdrawal_id"], shown["matched_by"]) == (treasury.withdrawal["id"], "person")
    (day,) = (await treasury.get(f"/v1/bank_statements/simulated?first={DAY}&last={DAY}"))["data"]
    assert day["state"] == "proven"


async def test_lists_are_paged_by_cursor(treasury: Treasury) -> None:
    await treasury.take_up(*(line(amount=amount, on=DAY) for amount in range(1, 121)))
    seen: list[int] = []
    cursor = ""
    while True:
        page = await treasury.get(f"/v1/breaks?limit=50{cursor}")
        seen += [one["amount"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == list(range(120, 0, -1))
    lines = await treasury.get(f"/v1/bank_statements/simulated/{DAY}/lines?limit=100&match=unmatched")
    rest = await treasury.get(
        f"/v1/bank_statements/simulated/{DAY}/lines?match=unmatched&cursor={lines['next_cursor']}"
    )
    assert [one["number"] for one in (*lines["data"], *rest["data"])] == list(range(1, 121))
    (said,) = (await treasury.get("/v1/bank_statements?limit=1"))["data"]
    assert (said["rail"], said["entries"], said["debits"]) == ("simulated", 120, 7_260)


async def test_what_cannot_be_is_answered_with_a_problem(treasury: Treasury) -> None:
    await treasury.take_up(line(amount=500, on=DAY))
    (one,) = (await treasury.get("/v1/breaks"))["data"]
    at = f"/v1/breaks/{one['id']}/propose"
    for body, field in (
        ({"reason": "line_came"}, "reason"),
        ({"reason": "no_such"}, "reason"),
        ({"reason": "matched_by_hand"}, "withdrawal_id"),
        ({"reason": "matched_by_hand", "withdrawal_id": treasury.withdrawal["id"]}, "withdrawal_id"),
    ):
        answer = await treasury.front.call("POST", at, body, caller="operator")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    nothing = f"/v1/breaks/break_{'0' * 32}"
    assert await treasury.refused(f"{nothing}/close") == (404, "break_unknown")
    assert await treasury.refused("/v1/bank_statements/simulated/2026-01-05/check") == (
        404,
        "bank_statement_unknown",
    )
    for query in ("first=2026-03-02&last=2026-03-01", "first=2020-01-01&last=2026-03-01"):
        answer = await treasury.front.call("GET", f"/v1/bank_statements/simulated?{query}", caller="readonly")
        assert answer.status_code == 422
