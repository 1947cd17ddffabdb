"""Lines on a real database: opened by an assessment, changed by time and people, each change with its history."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from houfu.core.ids import IdMaker
from houfu.core.money import in_words
from houfu.db.tx import connect
from houfu.lines import actions
from houfu.lines.actions import LineUnknown, StatusUnfit, Verb
from houfu.lines.assessing import assess, take_up_fact
from houfu.stores import actions as stores
from houfu.stores.store import StoreUnknown
from lines.programme import BASE_OF_LEVEL, COURSE, PROMOTION, START, Programme, open_programme

COURSE_ENDS = datetime(2026, 6, 1, 16, tzinfo=UTC)  # local midnight three months later


async def history(programme: Programme, store_id: str = "s1") -> list[actions.ChangeView]:
    """Oldest first."""
    return (await actions.changes(programme.connection, store_id, before=None, limit=100))[::-1]


def steps(changes: list[actions.ChangeView]) -> list[tuple[str, int, int, str, str]]:
    return [(c.cause, c.from_total, c.to_total, c.to_status, c.author) for c in changes]


async def test_a_first_assessment_opens_the_line(programme: Programme) -> None:
    await programme.add_store("s1", level=2)
    with pytest.raises(LineUnknown):
        await programme.view("s1")
    await programme.assess("s1", cause="opened", author="operator:li")
    seen = await programme.view("s1")
    assert (seen.status, seen.total, seen.used, seen.available, seen.over_used) == ("open", 80, 0, 80, 0)
    assert (seen.valid_until, seen.falls_by, seen.as_of) == (None, None, START)
    assert seen.headline == f"可使用额度:{in_words(80)}"
    assert [(layer.kind, layer.amount) for layer in seen.layers] == [("base", 80)]
    assert steps(await history(programme)) == [("opened", 0, 80, "open", "operator:li")]


async def test_an_assessment_moves_the_total_up_and_down_and_says_who_did_it(programme: Programme) -> None:
    await programme.open_store("s1", level=1)
    await programme.authorize("s1", "o1", 35)
    await programme.set_level("s1", 3)
    assert (await programme.view("s1")).available == 120 - 35
    await programme.assess("s1")
    await programme.connection.execute(
        "update stores set level = 1, phone_kind = 'virtual' where store_id = 's1'"
    )
    await programme.assess("s1", cause="downgraded", author="operator:li")
    seen = await programme.view("s1")
    assert (seen.total, seen.used, seen.available, seen.over_used) == (20, 35, 0, 15)
    assert steps(await history(programme)) == [
        ("asked", 0, 40, "open", "operator:test"),
        ("asked", 40, 120, "open", "operator:test"),
        # Assessing anew to the same end changes nothing and is no change.
        ("downgraded", 120, 20, "open", "operator:li"),
    ]


async def test_a_store_that_is_unknown_or_cannot_be_decided_about_keeps_what_it_has(
    programme: Programme,
) -> None:
    await programme.open_store("s1")
    made = await assess(
        programme.connection,
        ["s1", "nobody"],
        book=programme.book,
        cause="asked",
        author="test",
        ids=programme.ids,
        now=programme.clock.now(),
    )
    assert isinstance(made.answers["nobody"], StoreUnknown)
    assert (await programme.view("s1")).total == BASE_OF_LEVEL


async def test_two_first_assessments_at_once_open_one_line(database: str) -> None:
    async with open_programme(database) as programme:
        await programme.add_store("s1")
        other = await connect(database)
        try:
            await asyncio.gather(
                *(
                    assess(
                        connection,
                        ["s1"],
                        book=programme.book,
                        cause="opened",
                        author="test",
                        ids=programme.ids,
                        now=START,
                    )
                    for connection in (programme.connection, other)
                )
            )
        finally:
            await other.close()
        assert steps(await history(programme)) == [("opened", 0, BASE_OF_LEVEL, "open", "test")]
        assert (await programme.verify()).first_break is None


# --- layers and time


async def test_the_headline_names_the_nearest_fall(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.complete_course("s1")
    seen = await programme.view("s1")
    assert (seen.total, seen.valid_until, seen.falls_by) == (BASE_OF_LEVEL + COURSE, COURSE_ENDS, COURSE)


async def test_a_layer_that_ended_is_gone_for_whoever_looks_or_orders_before_the_worker_came(
    programme: Programme,
) -> None:
    await programme.open_store("s1")
    await programme.complete_course("s1")
    programme.clock.move_to(COURSE_ENDS - timedelta(microseconds=1))
    assert (await programme.authorize("s1", "o1", BASE_OF_LEVEL)).status == "authorized"
    programme.clock.move_to(COURSE_ENDS)
    seen = await programme.view("s1")
    assert (seen.total, seen.available, seen.valid_until) == (BASE_OF_LEVEL, 0, None)
    assert len(await history(programme)) == 2  # looking writes nothing
    refused = await programme.authorize("s1", "o2", 1)
    assert refused.reason == "limit_exceeded"
    [*_, change] = await history(programme)
    assert (change.cause, change.from_total, change.to_total) == (
        "layer_started_or_ended",
        BASE_OF_LEVEL + COURSE,
        BASE_OF_LEVEL,
    )
    assert (change.occurred_at, change.author) == (COURSE_ENDS, "worker")


async def test_the_worker_takes_up_totals_once(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.complete_course("s1")
    programme.clock.move_to(COURSE_ENDS + timedelta(hours=1))
    for _ in range(2):
        await actions.retotal(
            programme.connection, ["s1"], terms=programme.terms, ids=programme.ids, now=programme.clock.now()
        )
    assert await programme.connection.fetchrow("select total, total_until from lines") == (
        BASE_OF_LEVEL,
        None,
    )
    assert [c.occurred_at for c in await history(programme)] == [START, START, COURSE_ENDS]


async def test_layers_that_ended_one_after_the_other_unnoticed_are_changes_at_their_own_moments(
    programme: Programme,
) -> None:
    await programme.open_store("s1")
    programme.clock.move_to(datetime(2026, 6, 5, 4, tzinfo=UTC))
    await programme.complete_course("s1")  # inside the 6.18 window: both layers
    full = BASE_OF_LEVEL + COURSE + PROMOTION
    assert (await programme.view("s1")).total == full
    programme.clock.move_to(datetime(2026, 12, 1, tzinfo=UTC))
    await programme.authorize("s1", "o1", 1)
    promotion_ends = datetime(2026, 6, 20, 16, tzinfo=UTC)  # local midnight after the 20th
    course_ends = datetime(2026, 9, 4, 16, tzinfo=UTC)
    assert [(c.occurred_at, c.from_total, c.to_total) for c in (await history(programme))[2:]] == [
        (promotion_ends, full, full - PROMOTION),
        (course_ends, full - PROMOTION, BASE_OF_LEVEL),
    ]


# --- status


@pytest.mark.parametrize(
    ("verbs", "status", "reason"),
    [
        (["suspend"], "suspended", "line_suspended"),
        (["suspend", "resume"], "open", None),
        (["suspend", "close"], "closed", "line_not_open"),
        (["close"], "closed", "line_not_open"),
        (["close", "open"], "open", None),
    ],
)
async def test_a_line_is_suspended_resumed_closed_and_opened_with_its_history(
    programme: Programme, verbs: list[Verb], status: str, reason: str | None
) -> None:
    await programme.open_store("s1")
    for number, verb in enumerate(verbs):
        line = await actions.set_status(
            programme.connection,
            "s1",
            verb,
            cause=f"cause {number}",
            author="operator:li",
            ids=programme.ids,
            now=programme.clock.now(),
        )
    assert line.status == (await programme.view("s1")).status == status
    changes = (await history(programme))[1:]
    assert [(c.cause, c.author, c.occurred_at) for c in changes] == [
        (f"cause {number}", "operator:li", START) for number in range(len(verbs))
    ]
    assert changes[-1].to_status == status
    assert (await programme.authorize("s1", "o1", 1)).reason == reason


@pytest.mark.parametrize(
    ("first", "verb"),
    [
        (None, "open"),
        (None, "resume"),
        ("suspend", "suspend"),
        ("suspend", "open"),
        ("close", "close"),
        ("close", "suspend"),
        ("close", "resume"),
    ],
)
async def test_a_status_that_does_not_fit_is_refused_and_nothing_changes(
    programme: Programme, first: Verb | None, verb: Verb
) -> None:
    await programme.open_store("s1")
    options = {"cause": "x", "author": "y", "ids": programme.ids, "now": START}
    if first:
        await actions.set_status(programme.connection, "s1", first, **options)
    before = await history(programme)
    with pytest.raises(StatusUnfit, match=verb):
        await actions.set_status(programme.connection, "s1", verb, **options)
    assert await history(programme) == before
    with pytest.raises(LineUnknown):
        await actions.set_status(programme.connection, "nobody", verb, **options)


async def test_a_suspended_line_takes_commands_on_the_orders_it_has(programme: Programme) -> None:
    await programme.open_store("s1")
    made = await programme.authorize("s1", "o1", 10)
    await actions.set_status(
        programme.connection, "s1", "suspend", cause="x", author="y", ids=programme.ids, now=START
    )
    assert (await programme.act("capture", made.id)).status == "captured"
    assert (await programme.act("repay", made.id, 10)).status == "repaid"
    assert (await programme.view("s1")).used == 0


async def test_an_assessment_does_not_open_a_line_that_was_closed(programme: Programme) -> None:
    await programme.open_store("s1")
    await actions.set_status(
        programme.connection, "s1", "close", cause="x", author="y", ids=programme.ids, now=START
    )
    await programme.set_level("s1", 2)
    assert (await programme.view("s1")).status == "closed"


async def test_a_change_by_a_process_whose_clock_lags_is_no_break(programme: Programme) -> None:
    """Its id sorts before that of the change it followed; the history adds up all the same."""
    await programme.open_store("s1")
    for verb, at in (("suspend", START + timedelta(seconds=1)), ("resume", START)):
        await actions.set_status(
            programme.connection, "s1", verb, cause="x", author="y", ids=IdMaker(), now=at
        )
    assert (await programme.view("s1")).status == "open"
    assert [c.to_status for c in await history(programme)] == ["open", "open", "suspended"]
    assert (await programme.verify()).first_break is None


# --- history and explanation


async def test_history_is_browsed_newest_first(programme: Programme) -> None:
    await programme.open_store("s1")
    for level in (2, 3, 4, 5):
        await programme.set_level("s1", level)
    first = await actions.changes(programme.connection, "s1", before=None, limit=2)
    rest = await actions.changes(programme.connection, "s1", before=first[-1].id, limit=10)
    assert [c.to_total for c in first + rest] == [200, 160, 120, 80, 40]


async def test_the_explanation_adds_up_to_the_total(programme: Programme) -> None:
    await programme.open_store("s1", level=3)
    await programme.complete_course("s1")
    told = await programme.explain("s1")
    assert sum(step.amount for step in told.waterfall) == (await programme.view("s1")).total == 150
    assert told.decision.total == 150
    assert told.assessed_at == START
    assert told.missing is None
    with pytest.raises(LineUnknown):
        await programme.explain("nobody")


async def test_what_keeps_a_store_from_being_assessed_is_told_in_words(programme: Programme) -> None:
    await programme.open_store("s1")
    programme.clock.move_to(datetime(2026, 4, 3, tzinfo=UTC))
    await programme.connection.execute("delete from store_metrics where month = '2026-03-01'")
    missing = (await programme.explain("s1")).missing
    assert missing is not None
    assert "2026-03" in missing.message_zh
    assert missing.remedy_en.startswith("report the figures of 2026-03")


async def test_a_limit_below_its_use_takes_nothing_back_and_says_so(programme: Programme) -> None:
    await programme.open_store("s1", level=2)
    await programme.authorize("s1", "o1", 70)
    await programme.set_level("s1", 1)
    seen = await programme.view("s1")
    assert (seen.total, seen.used, seen.available, seen.over_used) == (40, 70, 0, 30)
    assert seen.notice is not None and "¥0.30" in seen.notice and "不追回" in seen.notice
    refused = await programme.authorize("s1", "o2", 5)
    assert (refused.reason, refused.short_by) == ("limit_exceeded", 5)


async def test_the_nearest_fall_says_why(programme: Programme) -> None:
    await programme.open_store("s1")
    await programme.complete_course("s1")
    seen = await programme.view("s1")
    assert seen.falls_because == "到期或减少:完成“先用后付管理”课程,增加10000元"


async def test_a_fact_acts_on_the_line_at_once(programme: Programme) -> None:
    """B11: a store that is marked high-risk has nothing more, until the mark is gone."""
    await programme.open_store("s1", level=2)
    for kind, total in (("high_risk_marked", 0), ("high_risk_cleared", 80)):
        fact = await stores.record_fact(
            programme.connection,
            "s1",
            kind=kind,
            occurred_at=programme.clock.now(),
            note="",
            author="operator:li",
            ids=programme.ids,
            now=programme.clock.now(),
        )
        await take_up_fact(
            programme.connection, fact, book=programme.book, ids=programme.ids, now=programme.clock.now()
        )
        assert (await programme.view("s1")).total == total
    assert steps(await history(programme))[1:] == [
        ("high_risk_marked", 80, 0, "open", "operator:li"),
        ("high_risk_cleared", 0, 80, "open", "operator:li"),
    ]
