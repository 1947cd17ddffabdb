"""Asking for money on a real database: the worked cases, liability first, refusals, replays, and opposed workers."""

import asyncio
import dataclasses
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from houfu.core.money import MAX_AMOUNT
from houfu.core.reason import Reason
from houfu.db.tx import connect
from houfu.lines import actions as lines
from houfu.policy.document import Policy, shipped_policy
from houfu.policy.terms import Hours24, Window
from houfu.stores.actions import put_bank_account, verify_bank_account
from houfu.stores.store import StoreUnknown
from houfu.withdrawals import actions
from houfu.withdrawals.ask import Answer, PreviewView, Trouble
from houfu.withdrawals.withdrawal import Status
from withdrawals.programme import COUNTLESS, MONDAY, Programme, check_books, open_programme, policy_with

CASES = json.loads((Path(__file__).parent / "cases" / "quote.json").read_text(encoding="utf-8"))
LAST_YEAR = datetime.fromisoformat("2025-12-01T10:00:00+08:00")
QUOTED = ("accepted", "reason", "fee", "fee_rule", "net", "arrives_on", "latest_on")


def policy_with_promotion(asked_at: datetime, promotion: bool) -> Policy:
    """The shipped policy, whose promotion covers the day or does not."""
    day = asked_at + timedelta(days=0 if promotion else 30)
    window = Window(code="w", first=f"{day:%m-%d}", last=f"{day:%m-%d}", zh="促", en="promotion")
    terms = msgspec.structs.replace(shipped_policy().terms, promotion_windows=(window,))
    return dataclasses.replace(shipped_policy(), terms=terms)


def shown(view: Any) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value := getattr(view, name), date) else value
        for name in QUOTED
    }


async def preview(
    programme: Programme, amount: int, *, at: datetime = MONDAY, account: str | None = "b1"
) -> PreviewView:
    return await actions.preview(
        programme.connection,
        store_id="s1",
        amount=amount,
        bank_account_id=account,
        policy=programme.policy,
        calendar=programme.calendar,
        now=at,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_a_worked_case_holds_for_a_store_with_that_past(database: str, case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    asked_at = datetime.fromisoformat(inputs["asked_at"])
    policy = policy_with_promotion(asked_at, inputs["promotion"])
    async with open_programme(database, policy) as programme:
        limit = await programme.open_store(balance=200_000_000)
        count, total = inputs["prior_count"], inputs["prior_year_total"]
        if total:
            # One a day, none of them more of the limit than a day may have (B11), and all of them paid this year.
            large = [limit // 2] * (total // (limit // 2))
            small = [1_000] * (count - len(large) - 1)
            day = MONDAY
            for amount in [*large, *small, total - sum(large) - sum(small)]:
                assert (await programme.ask(amount, at=day)).accepted
                day += timedelta(days=1)
                await programme.work(day)
            await programme.work(day + timedelta(days=10))
        else:
            for number in range(count):
                assert (await programme.ask(1_000, at=LAST_YEAR + timedelta(days=number))).accepted
        seen = await preview(programme, inputs["amount"], at=asked_at)
        asked = await programme.ask(inputs["amount"], at=asked_at)
        expected = {**dict.fromkeys(QUOTED), **case["expect"]}
        assert shown(seen) == expected
        assert shown(asked) == expected
        assert asked.status == ("scheduled" if case["expect"]["accepted"] else "refused")


async def test_a_request_moves_the_amount_to_liability_fee_and_clearing(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, liability=40_000)
    first = await programme.ask(100_000)
    assert (first.fee, first.liability_collected, first.net) == (0, 40_000, 60_000)
    second = await programme.ask(100_000)
    assert (second.fee, second.liability_collected, second.net) == (600, 0, 99_400)
    assert await programme.balances() == {
        "buyer_receivable": 1_000_000,
        "store_balance": 800_000,
        "payout_clearing": 159_400,
        "fee_income": 600,
        "bank": 40_000,
    }


async def test_a_liability_that_would_leave_nothing_refuses_and_collects_nothing(
    programme: Programme,
) -> None:
    await programme.open_store(balance=100_000, liability=100_000)
    asked = await programme.ask(100_000)
    assert (asked.status, asked.reason) == ("refused", Reason.AMOUNT_TOO_SMALL)
    assert (await programme.balances())["store_liability"] == 100_000


async def test_a_preview_tells_what_the_request_then_does(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, liability=40_000)
    seen = msgspec.structs.asdict(await preview(programme, 100_000))
    asked = msgspec.structs.asdict(await programme.ask(100_000))
    assert {name: asked[name] for name in seen} == seen


async def test_a_preview_records_nothing_and_needs_no_bank_account(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    assert (await preview(programme, 100_000, account=None)).accepted
    assert (await preview(programme, 100_000, account="b9")).reason == Reason.BANK_ACCOUNT_UNKNOWN
    assert await programme.connection.fetchval("select count(*) from withdrawals") == 0


async def test_every_refusal_has_its_reason_and_is_recorded(programme: Programme) -> None:
    limit = await programme.open_store()
    assert limit > 5_000
    reasons = [(await programme.ask(5_000)).reason]  # nothing but the line
    reasons.append((await programme.ask(limit + 1)).reason)
    await programme.post("s1", ("buyer_receivable", 1_000), ("store_balance", -1_000))
    reasons.append((await programme.ask(5_000)).reason)
    reasons.append((await programme.ask(500, account="b9")).reason)
    await programme.note("high_risk_marked")
    reasons.append((await programme.ask(500)).reason)
    await programme.note("funds_frozen")
    reasons.append((await programme.ask(500)).reason)
    reasons.append((await programme.ask(500, at=MONDAY.replace(hour=23))).reason)
    assert reasons == [
        Reason.LIMIT_NOT_WITHDRAWABLE,
        Reason.BALANCE_INSUFFICIENT,
        Reason.BALANCE_INSUFFICIENT,
        Reason.BANK_ACCOUNT_UNKNOWN,
        Reason.ACCOUNT_ABNORMAL,
        Reason.ACCOUNT_FROZEN,
        Reason.MAINTENANCE,
    ]
    later = MONDAY + timedelta(hours=1)
    await programme.note("funds_released", at=later)
    await programme.note("high_risk_cleared", at=later)
    assert (await programme.ask(500, at=later)).accepted
    listed = await actions.withdrawals(
        programme.connection,
        actions.Filter(status=Status.REFUSED),
        after=None,
        limit=50,
        policy=programme.policy,
        calendar=programme.calendar,
    )
    assert sorted(view.reason or "" for view in listed) == sorted(reasons)


async def test_a_suspended_line_refuses_and_a_resumed_one_pays(programme: Programme) -> None:
    await programme.open_store(balance=10_000)
    for verb, reason in (("suspend", Reason.ACCOUNT_ABNORMAL), ("resume", None)):
        await lines.set_status(
            programme.connection, "s1", verb, cause="review", author="test", ids=programme.ids, now=MONDAY
        )
        assert (await programme.ask(1_000)).reason == reason


async def test_a_store_never_assessed_has_no_balance_and_an_unknown_one_is_none(programme: Programme) -> None:
    await programme.connection.execute(
        "insert into stores values ('new', 'New', 'o', 1, '2026-03-01', 'mobile', 'c', $1, $1)", MONDAY
    )
    await programme.connection.execute(
        "insert into bank_accounts values ('new', 'b1', 'H', '62220202000', 'ICBC', $1, $1, $1, 'test')",
        MONDAY,
    )
    assert (await programme.ask(500, "new")).reason == Reason.BALANCE_INSUFFICIENT
    assert await programme.answer(programme.asking(500, "nobody")) == Trouble("store_unknown")
    with pytest.raises(StoreUnknown):
        await preview(programme, 500)


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, 2**63])
async def test_an_amount_that_is_none_is_bad_input_and_nothing_is_written(
    programme: Programme, amount: int
) -> None:
    await programme.open_store(balance=10_000)
    with pytest.raises(ValueError, match=r"^amount:"):
        await programme.answer(programme.asking(amount))
    assert await programme.connection.fetchval("select count(*) from withdrawals") == 0


async def test_the_same_key_gives_the_first_answer_and_another_body_is_told(programme: Programme) -> None:
    await programme.open_store(balance=10_000)
    first = await programme.answer(programme.asking(1_000, key="k"))
    again = await programme.answer(programme.asking(1_000, key="k"), at=MONDAY + timedelta(days=1))
    assert isinstance(first, Answer)
    assert again == Answer(201, first.body, True, None)
    assert await programme.answer(programme.asking(1_001, key="k")) == Trouble("idempotency_key_reused")
    assert (await programme.balances())["store_balance"] == 9_000


async def test_a_batch_takes_two_asks_of_one_store_in_order(programme: Programme) -> None:
    await programme.open_store("s1", balance=1_500)
    await programme.open_store("s2", balance=700)
    asks = [
        programme.asking(1_000, "s1", key="a"),
        programme.asking(700, "s2"),
        programme.asking(1_000, "s1"),
        programme.asking(1_000, "s1", key="a"),
        programme.asking(500, "s1"),
        programme.asking(1, "nobody"),
    ]
    answers = await actions.request_many(
        programme.connection,
        asks,
        policy=programme.policy,
        calendar=programme.calendar,
        ids=programme.ids,
        now=MONDAY,
    )
    assert [getattr(answer, "status", None) for answer in answers] == [201, 201, 200, 201, 201, None]
    outcomes = [answer.outcome for answer in answers if isinstance(answer, Answer)]
    assert [outcome and outcome.fee_rule for outcome in outcomes] == [
        "first_free",
        "first_free",
        None,
        None,
        "minimum",
    ]
    assert "store_balance" not in await programme.balances("s1")


async def test_the_message_is_in_the_callers_language(programme: Programme) -> None:
    await programme.open_store(balance=10_000)
    night = MONDAY.replace(hour=23)
    for language, words in (("zh", "请于 03:00 之后再申请提现"), ("en", "Come back at 03:00")):
        answer = await programme.answer(programme.asking(500, language=language), at=night)
        assert isinstance(answer, Answer)
        assert answer.outcome is not None
        assert answer.outcome.remedy == words


async def test_the_days_share_is_noted_rounded_up_and_warned_of_before(programme: Programme) -> None:
    limit = await programme.open_store(balance=1_000_000_000)
    half = limit // 2
    asked = await programme.ask(half)
    assert (asked.warnings, asked.largest_safe_amount) == ((), half)
    assert await share_of(programme) == 5_000
    over = await programme.ask(1)
    assert over.reason == Reason.AMOUNT_TOO_SMALL  # one fen does not bear the fee
    over = await programme.ask(300)
    assert [warning.rule for warning in over.warnings] == ["B11", "D7"]
    assert over.largest_safe_amount == 0
    assert await share_of(programme) == 5_001
    await programme.cancel(over.id)
    assert await share_of(programme) == 5_000
    await programme.cancel(asked.id)
    assert await share_of(programme) == 0


async def share_of(programme: Programme) -> int:
    return await programme.connection.fetchval(
        "select day_withdrawn_share_bp from lines where store_id = 's1'"
    )


async def test_a_sixth_of_a_day_is_previewed_as_refused_and_the_next_day_starts_anew(
    programme: Programme,
) -> None:
    """D6, D9: the preview tells what asking for it anyway sets off."""
    await programme.open_store(balance=1_000_000)
    for _ in range(5):
        asked = await programme.ask(1_000)
        assert (asked.accepted, asked.warnings) == (True, ())
    seen = await preview(programme, 1_000)
    assert (seen.accepted, seen.reason, seen.largest_safe_amount) == (False, "daily_count_exceeded", 0)
    assert [(warning.rule, warning.consequence) for warning in seen.warnings] == [("D6", "suspended_review")]
    assert seen.remedy == "请于 2026-03-03 03:00 之后再申请,此后可合并为一笔提现"
    asked = await preview(programme, 1_000, at=MONDAY + timedelta(days=1))
    assert (asked.accepted, asked.warnings) == (True, ())


async def test_a_canceled_withdrawal_leaves_its_place_in_the_day(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    asked = [await programme.ask(1_000) for _ in range(5)]
    assert not (await preview(programme, 1_000)).accepted
    await programme.cancel(asked[2].id)
    assert (await preview(programme, 1_000)).accepted


async def test_what_was_asked_before_midnight_counts_for_24_hours(programme: Programme) -> None:
    """Five before midnight and five after it are the most: the eleventh waits until the first is a day old."""
    await programme.open_store(balance=1_000_000)
    evening, morning = MONDAY.replace(hour=22), MONDAY.replace(hour=9) + timedelta(days=1)
    for moment in (evening, morning):
        for number in range(5):
            assert (await programme.ask(1_000, at=moment + timedelta(minutes=number))).accepted
    programme.policy = policy_with(day_count_max=6)
    refused = await programme.ask(1_000, at=morning + timedelta(hours=1))
    assert (refused.reason, refused.warnings) == ("daily_count_exceeded", ())
    assert "2026-03-03 22:00" in (refused.remedy or "")
    assert (await programme.look(refused.id)).remedy == refused.remedy
    assert (await programme.ask(1_000, at=evening + timedelta(days=1))).accepted


async def test_a_sum_over_24_hours_is_refused_with_what_is_still_possible(programme: Programme) -> None:
    programme.policy = policy_with(hours_24=Hours24(amount_max=100_000))
    await programme.open_store(balance=1_000_000)
    late = MONDAY.replace(hour=22)
    assert (await programme.ask(70_000, at=late)).accepted
    early = late + timedelta(hours=6)
    refused = await programme.ask(30_001, at=early)
    assert (refused.reason, refused.largest_safe_amount) == ("daily_amount_exceeded", 30_000)
    assert refused.remedy == "目前至多还可提现 ¥300.00;2026-03-03 22:00 起可提现更多"
    seen = await programme.look(refused.id)
    assert (seen.message, seen.remedy) == (refused.message, refused.remedy)
    assert (await programme.ask(30_000, at=early)).accepted
    assert (await programme.ask(1_000, at=early)).reason == "daily_amount_exceeded"
    assert (await programme.ask(70_000, at=late + timedelta(days=1, minutes=-1))).reason
    # Asked again where the first is a day old, before the day closes at 23:00.
    assert (await programme.ask(70_000, at=late + timedelta(days=1))).accepted


async def test_a_bank_account_waits_for_a_voucher_and_rests_after_a_change(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    told = {"holder": "Holder", "number": "6222020200022222", "bank_code": "ICBC"}

    async def put(account: str, vouched_by: str | None, *, at: datetime, **changed: str) -> None:
        await put_bank_account(
            programme.connection, "s1", account, **{**told, **changed}, vouched_by=vouched_by, now=at
        )

    await put("b2", None, at=MONDAY)
    assert (await programme.ask(1_000, account="b2")).reason == "bank_account_unverified"
    assert (await preview(programme, 1_000, account="b2")).reason == "bank_account_unverified"
    await verify_bank_account(programme.connection, "s1", "b2", author="operator:o", now=MONDAY)
    assert (await programme.ask(1_000, account="b2")).accepted
    await put("b2", "platform:p", at=MONDAY, number="6222020200033333")
    resting = await programme.ask(1_000, account="b2", at=MONDAY + timedelta(hours=12))
    assert resting.reason == "bank_account_cooling"
    assert "2026-03-03 10:00" in (resting.remedy or "")
    assert (await programme.ask(1_000, account="b2", at=MONDAY + timedelta(days=1))).accepted


async def test_dates_past_the_calendar_are_told_as_provisional(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    last_day = datetime.fromisoformat("2026-12-31T10:00:00+08:00")
    asked = await programme.ask(1_000, at=last_day)
    assert asked.provisional
    assert "暂定" in (asked.arrival_note or "")
    assert (await programme.look(asked.id)).provisional
    plain = await programme.ask(1_000)
    assert (plain.provisional, plain.arrival_note) == (False, None)


async def test_a_store_in_its_first_month_is_warned_at_a_fifth(programme: Programme) -> None:
    limit = await programme.open_store(balance=1_000_000, opened_on=date(2026, 2, 20))
    assert (await programme.ask(limit // 5 - 1)).warnings == ()
    assert [w.rule for w in (await programme.ask(1_000)).warnings] == ["D8"]


async def test_canceling_gives_everything_back_once(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000, liability=40_000)
    before = await programme.balances()
    await programme.ask(100_000)
    after_first = await programme.balances()
    second = await programme.ask(500_000)
    canceled = await programme.cancel(second.id, key="c")
    assert isinstance(canceled, Answer)
    assert canceled.outcome is not None
    assert (canceled.outcome.status, canceled.outcome.returned) == ("canceled", 500_000)
    assert await programme.balances() == after_first
    again = await programme.cancel(second.id, key="c")
    assert isinstance(again, Answer)
    assert (again.replayed, again.body) == (True, canceled.body)
    other_key = await programme.cancel(second.id)
    assert isinstance(other_key, Answer)
    assert other_key.outcome == canceled.outcome
    first = (
        await programme.connection.fetchval("select withdrawal_id from withdrawals where amount = 100000")
    ).hex
    await programme.cancel(first)
    assert await programme.balances() == before
    assert (await programme.ask(100_000)).fee_rule == "first_free"


async def test_a_withdrawal_that_is_on_its_way_or_over_cannot_be_canceled(programme: Programme) -> None:
    await programme.open_store(balance=1_000_000)
    asked = await programme.ask(100_000)
    for moment, reason in (
        (MONDAY.replace(hour=23), Reason.WITHDRAWAL_IN_TRANSIT),
        (MONDAY + timedelta(days=1), Reason.WITHDRAWAL_CLOSED),
    ):
        await programme.work(moment)
        answer = await programme.cancel(asked.id, at=moment)
        assert isinstance(answer, Answer)
        assert answer.outcome is not None
        assert (answer.status, answer.outcome.status, answer.outcome.reason) == (200, "refused", reason)
    assert await programme.cancel("0" * 32) == Trouble("withdrawal_unknown")
    assert (await programme.look(asked.id)).status == "paid"


async def test_lists_are_filtered_and_paged_newest_first(programme: Programme) -> None:
    await programme.open_store("s1", balance=1_000_000)
    await programme.open_store("s2", balance=1_000_000)
    made = [await programme.ask(1_000 + n, f"s{n % 2 + 1}", at=MONDAY + timedelta(days=n)) for n in range(6)]

    async def listed(chosen: actions.Filter, after: Any = None, limit: int = 50) -> list[str]:
        found = await actions.withdrawals(
            programme.connection,
            chosen,
            after=after,
            limit=limit,
            policy=programme.policy,
            calendar=programme.calendar,
        )
        return [view.id for view in found]

    newest = [view.id for view in reversed(made)]
    assert await listed(actions.Filter()) == newest
    assert await listed(actions.Filter(), limit=2) == newest[:2]
    last = (made[4].store_id, made[4].id[3:35])
    assert await listed(actions.Filter(), after=last) == newest[2:]
    assert await listed(actions.Filter(store_id="s1")) == newest[1::2]
    assert await listed(actions.Filter(store_id="s1"), after=last, limit=1) == [made[2].id]
    day = actions.Filter(asked_from=MONDAY + timedelta(days=2), asked_before=MONDAY + timedelta(days=4))
    assert await listed(day) == [made[3].id, made[2].id]
    assert await listed(actions.Filter(status=Status.PAID)) == []


async def test_forty_at_once_never_overdraw_a_store(programme: Programme) -> None:
    programme.policy = COUNTLESS
    await programme.open_store(balance=10_500, liability=500)
    connections = await asyncio.gather(*(connect(programme.dsn) for _ in range(10)))

    async def ask_four(number: int) -> list[Answer | Trouble]:
        connection = connections[number]
        return [await programme.answer(programme.asking(1_000), connection=connection) for _ in range(4)]

    try:
        answers = [a for four in await asyncio.gather(*map(ask_four, range(10))) for a in four]
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    statuses = [answer.outcome.status for answer in answers if isinstance(answer, Answer) and answer.outcome]
    assert (statuses.count("scheduled"), statuses.count("refused")) == (10, 30)
    assert (await programme.balances())["store_balance"] == 500
    await check_books(programme.connection)


async def test_one_key_from_many_at_once_withdraws_once(programme: Programme) -> None:
    await programme.open_store(balance=10_000)
    connections = await asyncio.gather(*(connect(programme.dsn) for _ in range(8)))
    try:
        answers = await asyncio.gather(
            *(programme.answer(programme.asking(1_000, key="k"), connection=c) for c in connections)
        )
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    assert len({answer.body for answer in answers if isinstance(answer, Answer)}) == 1
    assert sum(isinstance(answer, Answer) and not answer.replayed for answer in answers) == 1
    assert (await programme.balances())["store_balance"] == 9_000
