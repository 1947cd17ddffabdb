"""Commands on a real database: outcomes, idempotency, and neighbours that are left in peace."""

import asyncio
from typing import Any

import msgspec
import pytest

from houfu.core.ids import IdMaker
from houfu.core.reason import Reason, message, remedy
from houfu.ledger import actions as ledger
from houfu.lines import batch
from houfu.lines.command import Answer, Trouble
from lines.programme import (
    START,
    Programme,
    act,
    authorize,
    open_programme,
    outcome_of,
    small_policy,
)


async def submit(programme: Programme, *commands: Any) -> list[Answer | Trouble]:
    return await programme.lanes.submit_all(commands)


# --- outcomes


async def test_an_order_goes_from_hold_to_paid(programme: Programme) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 30)
    assert (made.status, made.amount, made.over_limit_amount, made.reason) == ("authorized", 30, 0, None)
    assert (await programme.view("s1")).available == 10
    drawn = await programme.act("capture", made.id, 20)
    assert (drawn.status, drawn.amount, drawn.held, drawn.outstanding) == ("partially_captured", 20, 10, 20)
    freed = await programme.act("void", made.id)
    assert (freed.status, freed.amount, freed.freed) == ("captured", 10, 10)
    paid = await programme.act("repay", made.id, 5)
    assert (paid.status, paid.repaid, paid.outstanding) == ("captured", 5, 15)
    back = await programme.act("return", made.id, 15)
    assert (back.status, back.returned, back.outstanding) == ("repaid", 15, 0)
    view = await programme.view("s1")
    assert (view.used, view.available) == (0, 40)
    held = await ledger.balances(programme.connection, "s1")
    assert {name: amount for name, amount in held.items() if amount} == {"bank": 5, "store_balance": -5}


async def test_each_refusal_has_its_words_and_is_recorded(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.add_store("s2")
    await programme.authorize("s1", "o1", 30)
    for command, reason in (
        (authorize("s1", "o2", 11), Reason.LIMIT_EXCEEDED),
        (authorize("s1", "o1", 1), Reason.ORDER_ALREADY_AUTHORIZED),
        (authorize("s1", "o3", 1, currency="USD"), Reason.CURRENCY_DIFFERS),
        (authorize("s2", "o1", 1), Reason.LINE_NOT_OPEN),
        (authorize("nobody", "o1", 1), Reason.STORE_UNKNOWN),
        (authorize("s1", "o4", 0), Reason.AMOUNT_NOT_POSITIVE),
    ):
        [answer] = await submit(programme, command)
        assert isinstance(answer, Answer)
        outcome = outcome_of(answer)
        assert (answer.status, outcome.status, outcome.reason) == (200, "refused", reason.value)
        assert (outcome.message, outcome.remedy) == (message(reason, "zh"), remedy(reason, "zh"))
        assert outcome.expires_at is None
    english = msgspec.structs.replace(authorize("s1", "o5", 11), language="en")
    assert outcome_of((await submit(programme, english))[0]).message == message(Reason.LIMIT_EXCEEDED, "en")
    rows = await programme.connection.fetch(
        "select order_id, reason from authorizations where status = 'refused' order by authorization_id"
    )
    assert [tuple(row) for row in rows] == [
        ("o2", "limit_exceeded"),
        ("o1", "order_already_authorized"),
        ("o3", "currency_differs"),
        ("o1", "line_not_open"),
        ("o5", "limit_exceeded"),
    ]


async def test_a_refused_command_is_recorded_and_moves_nothing(programme: Programme) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 30)
    refused = await programme.act("capture", made.id, 31)
    assert (refused.status, refused.reason, refused.held) == ("refused", "capture_exceeds_hold", 30)
    row = await programme.connection.fetchrow(
        "select kind, amount, reason, journal_seq, author from movements"
    )
    assert row == ("capture", 31, "capture_exceeds_hold", None, "platform:test")
    nothing = await programme.authorize("s1", "o2", 999)
    for kind in ("capture", "void", "repay", "return"):
        amount = None if kind == "void" else 1
        assert (await programme.act(kind, nothing.id, amount)).reason == "authorization_refused"


async def test_an_order_is_authorized_anew_after_a_void_an_expiry_or_a_refusal(programme: Programme) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 10)
    await programme.act("void", made.id)
    again = await programme.authorize("s1", "o1", 20)
    assert again.status == "authorized"
    assert again.id != made.id
    assert (await programme.authorize("s1", "o1", 1)).reason == "order_already_authorized"
    await programme.act("return", again.id, 20)
    third = await programme.authorize("s1", "o1", 30)
    assert third.status == "authorized"
    await programme.act("capture", third.id, 1, final=True)
    await programme.act("return", third.id, 1)
    assert (await programme.authorize("s1", "o1", 1)).reason == "order_already_authorized"
    assert (await programme.authorize("s1", "o2", 99)).reason == "limit_exceeded"
    assert (await programme.authorize("s1", "o2", 9)).status == "authorized"


async def test_a_void_and_a_new_hold_in_one_batch_see_each_other(programme: Programme) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 40)
    answers = await submit(
        programme,
        authorize("s1", "o2", 40),
        act("void", made.id),
        authorize("s1", "o3", 40),
        authorize("s1", "o1", 1),
    )
    assert [outcome_of(answer).status for answer in answers] == ["refused", "voided", "authorized", "refused"]


async def test_an_order_that_is_not_there_is_trouble_and_nothing_is_remembered(programme: Programme) -> None:
    await programme.open_store("s1")
    unknown = act("capture", f"auth_{IdMaker().make(START)}.s1", key="k")
    assert await submit(programme, unknown) == [Trouble("authorization_unknown")]
    assert await programme.connection.fetchval("select count(*) from idempotency") == 0


async def test_a_store_ships_beyond_its_line_where_the_policy_lets_it(database: str) -> None:
    """A10: what lies beyond is the store's liability; the buyer's payment reduces it first."""
    async with open_programme(database, small_policy(over_limit_bp=5_000)) as programme:
        await programme.open_store("s1")
        made = await programme.authorize("s1", "o1", 60)
        assert (made.status, made.over_limit_amount) == ("authorized", 20)
        assert (await programme.authorize("s1", "o2", 1)).reason == "limit_exceeded"
        view = await programme.view("s1")
        assert (view.used, view.available, view.over_used) == (60, 0, 20)
        await programme.act("capture", made.id)
        held = await ledger.balances(programme.connection, "s1")
        assert {name: amount for name, amount in held.items() if amount} == {
            "buyer_receivable": 40,
            "store_liability": 20,
            "store_balance": -60,
        }
        await programme.act("repay", made.id, 25)
        held = await ledger.balances(programme.connection, "s1")
        assert {name: amount for name, amount in held.items() if amount} == {
            "bank": 25,
            "buyer_receivable": 35,
            "store_balance": -60,
        }
        assert (await programme.verify()).first_break is None


async def test_commands_of_one_batch_see_what_those_before_them_did(database: str) -> None:
    """The store's balance and liability move within the batch: 20 beyond the line, paid and returned at once."""
    async with open_programme(database, small_policy(over_limit_bp=5_000)) as programme:
        await programme.open_store("s1")
        made = await programme.authorize("s1", "o1", 60)
        answers = await submit(
            programme, act("capture", made.id), act("repay", made.id, 15), act("return", made.id, 30)
        )
        assert [outcome_of(answer).status for answer in answers] == ["captured", "captured", "captured"]
        held = await ledger.balances(programme.connection, "s1")
        # 15 of the 20 beyond were paid; of the 30 returned 5 were beyond, 25 within: all from the balance of 60.
        assert {name: amount for name, amount in held.items() if amount} == {
            "bank": 15,
            "buyer_receivable": 15,
            "store_balance": -30,
        }
        assert (await programme.view("s1")).used == 15
        assert (await programme.verify()).first_break is None


# --- idempotency


async def test_a_repeated_command_is_answered_byte_for_byte_and_does_nothing(programme: Programme) -> None:
    await programme.open_store("s1")
    first = await programme.lanes.submit(authorize("s1", "o1", 10, key="k1"))
    assert isinstance(first, Answer)
    id = outcome_of(first).id
    commands = [
        authorize("s1", "o1", 10, key="k1"),
        act("capture", id, 6, key="k2"),
        act("repay", id, 2, key="k3"),
        act("return", id, 3, key="k4"),
        act("void", id, key="k5"),
        act("capture", id, 9, key="k6"),  # refused, and refused again
    ]
    once = [await programme.lanes.submit(command) for command in commands]
    before = await programme.connection.fetch("select * from authorizations, lines, books")
    again = [await programme.lanes.submit(command) for command in commands]
    together = await submit(programme, *commands)
    for one, two, three in zip(once, again, together, strict=True):
        assert isinstance(one, Answer)
        assert isinstance(two, Answer)
        assert (two.status, two.body, two.replayed) == (one.status, one.body, True)
        assert two == three
    assert [getattr(answer, "replayed", None) for answer in once] == [True, *[False] * 5]
    assert await programme.connection.fetch("select * from authorizations, lines, books") == before


async def test_a_key_that_comes_with_another_request_is_trouble(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.lanes.submit(authorize("s1", "o1", 10, key="k1"))
    assert await programme.lanes.submit(authorize("s1", "o1", 11, key="k1")) == Trouble(
        "idempotency_key_reused"
    )
    other = await submit(programme, authorize("s1", "o2", 1, key="k2"), authorize("s1", "o3", 1, key="k2"))
    assert other[1] == Trouble("idempotency_key_reused")
    assert (await programme.view("s1")).used == 11


async def test_a_key_is_a_stores_own(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.open_store("s2")
    answers = await submit(programme, authorize("s1", "o1", 10, key="k"), authorize("s2", "o1", 20, key="k"))
    assert [outcome_of(answer).status for answer in answers] == ["authorized", "authorized"]


async def test_duplicates_in_one_submission_take_effect_once(programme: Programme) -> None:
    await programme.open_store("s1")
    first, second, third = await submit(programme, *[authorize("s1", "o1", 10, key="k")] * 3)
    assert isinstance(first, Answer)
    for copy in (second, third):
        assert isinstance(copy, Answer)
        assert (copy.body, copy.status, copy.replayed) == (first.body, 201, True)
    assert (await programme.view("s1")).used == 10


async def test_a_key_whose_first_request_is_still_running_is_in_use(programme: Programme) -> None:
    await programme.open_store("s1")
    command = authorize("s1", "o1", 10, key="k")
    answers = await asyncio.gather(programme.lanes.submit(command), programme.lanes.submit(command))
    assert isinstance(answers[0], Answer)
    assert answers[1] == Trouble("idempotency_key_in_use")
    replayed = await programme.lanes.submit(command)
    assert isinstance(replayed, Answer)
    assert replayed.body == answers[0].body


async def test_refusals_do_not_touch_their_neighbours(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.open_store("s2")
    commands = [
        authorize(store_id, f"o{number}", amount)
        for number, amount in enumerate([39, 2, 1, 99, 1])
        for store_id in ("s1", "s2", "nobody")
    ]
    answers = [outcome_of(answer).status for answer in await submit(programme, *commands)]
    per_store = ["authorized", "refused", "authorized", "refused", "refused"]
    assert answers == [status for each in per_store for status in (each, each, "refused")]


async def test_a_command_the_database_refuses_does_not_take_its_neighbours_with_it(
    programme: Programme,
) -> None:
    """An order id that the schema does not allow never passes the door; were it to, it alone would fail."""
    await programme.open_store("s1")
    for poison in ("o" * 65, "nul\0"):
        answers = await submit(
            programme,
            authorize("s1", f"a{poison[:3]!r}", 1),
            authorize("s1", poison, 1),
            authorize("s1", f"b{poison[:3]!r}", 1),
        )
        assert answers[1] == Trouble("internal")
        assert [outcome_of(answer).status for answer in (answers[0], answers[2])] == [
            "authorized",
            "authorized",
        ]
    assert (await programme.view("s1")).used == 4


async def test_a_command_that_meets_a_bug_leaves_nothing_behind_and_its_neighbours_go_on(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    await programme.open_store("s1")
    made = [await programme.authorize("s1", f"o{number}", 10) for number in range(3)]
    posted = batch.post

    def post(*arguments: Any, **named: Any) -> Any:
        if named["subject"] == made[1].id[5:37]:
            raise ZeroDivisionError
        return posted(*arguments, **named)

    monkeypatch.setattr(batch, "post", post)
    answers = await submit(programme, *(act("capture", each.id, key=f"k{each.order_id}") for each in made))
    assert answers[1] == Trouble("internal")
    assert [outcome_of(answer).status for answer in (answers[0], answers[2])] == ["captured", "captured"]
    monkeypatch.undo()
    assert (await programme.verify()).first_break is None
    # Nothing is remembered under its key: it is carried out when it comes again.
    assert (
        outcome_of(await programme.lanes.submit(act("capture", made[1].id, key="ko1"))).status == "captured"
    )


@pytest.mark.parametrize("count", [1_700])
async def test_more_than_one_batch_at_once_is_answered_in_order(programme: Programme, count: int) -> None:
    await programme.open_store("s1", level=100)
    await programme.open_store("s2", level=100)
    commands = [authorize(f"s{number % 2 + 1}", f"o{number}", 1) for number in range(count)]
    answers = await submit(programme, *commands)
    assert [outcome_of(answer).order_id for answer in answers] == [command.order_id for command in commands]
    assert (await programme.view("s1")).used == count // 2


async def test_a_programme_that_pays_when_the_buyer_pays_advances_nothing(database: str) -> None:
    async with open_programme(database, small_policy(share_bp=0)) as programme:
        await programme.open_store("s1")
        made = await programme.authorize("s1", "o1", 30)
        await programme.act("capture", made.id)
        assert not any((await ledger.balances(programme.connection, "s1")).values())
        assert (await programme.view("s1")).used == 30
        await programme.act("repay", made.id, 30)
        assert (await ledger.balances(programme.connection, "s1"))["store_balance"] == -30
        assert (await programme.verify()).first_break is None


async def test_an_order_freed_in_a_batch_may_be_authorized_anew_in_the_same(programme: Programme) -> None:
    await programme.open_store("s1")
    first = await programme.authorize("s1", "o1", 10)
    again, anew = await programme.lanes.submit_all([act("void", first.id, None), authorize("s1", "o1", 12)])
    assert outcome_of(again).status == "voided"
    assert (outcome_of(anew).status, outcome_of(anew).amount) == ("authorized", 12)
    assert (await programme.view("s1")).used == 12
    assert (await programme.verify()).verified
